"""Identifiers made by the server."""

from __future__ import annotations

import hashlib
import secrets
import uuid


def new_uid(now: int) -> str:
    """A UUIDv7 (RFC 9562): 48 bits of epoch milliseconds, then 74 random bits; sorts by the time it was made."""
    value = (now & (1 << 48) - 1) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return str(uuid.UUID(int=value))


def new_secret() -> str:
    """256 random bits for a key, a link or a session, safe in a URL. Only its digest is stored."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """SHA-256 (hex) under which a secret is stored and looked up."""
    return hashlib.sha256(secret.encode()).hexdigest()
