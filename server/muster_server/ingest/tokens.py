"""Device tokens: `m1.<device>.<generation>.<HMAC-SHA256>`, checked without the store.

Enters: the server's key and a token. Leaves: who holds it, or nothing. A token stays good until an administrator
revokes its generation; the small set of those is read every 30 s.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import threading
import time
from collections.abc import Callable, Mapping

_SHAPE = re.compile(r"m1\.([0-9a-f-]{36})\.([0-9]{1,9})\.([A-Za-z0-9_-]{43})")


def make_token(key: bytes, uid: str, *, generation: int) -> str:
    """The token of one generation of a device."""
    return f"m1.{uid}.{generation}.{_proof(key, uid, generation=str(generation))}"


def read_token(key: bytes, token: str) -> tuple[str, int] | None:
    """(device uid, generation) of a genuine token, else None."""
    shape = _SHAPE.fullmatch(token)
    if shape is None:
        return None
    uid, generation, proof = shape.groups()
    return (uid, int(generation)) if hmac.compare_digest(proof, _proof(key, uid, generation=generation)) else None


def _proof(key: bytes, uid: str, *, generation: str) -> str:
    message = f"m1.{uid}.{generation}".encode()
    return base64.urlsafe_b64encode(hmac.digest(key, message, hashlib.sha256)).rstrip(b"=").decode()


class Revocations:
    """Device uid -> lowest generation still valid, reread from the store by a thread of its own."""

    REFRESH_SECONDS = 30.0
    RETRY_SECONDS = 2.0  # while the store does not answer
    STALE_SECONDS = 60.0

    def __init__(self, load: Callable[[], Mapping[str, int] | None]) -> None:
        """`load` reads the set; None when the store does not answer."""
        self._load = load
        self._lowest: Mapping[str, int] = {}
        self._read_at = float("-inf")
        self._wait_seconds = self.REFRESH_SECONDS
        self._stopped = threading.Event()

    def start(self) -> None:
        """Read once, then keep reading in the background."""
        self.refresh()
        threading.Thread(target=self._run, name="revocations", daemon=True).start()

    def stop(self) -> None:
        """End the background thread."""
        self._stopped.set()

    def refresh(self) -> None:
        """Read the set now; when the store does not answer the old set stays and ages."""
        found = self._load()
        self._wait_seconds = self.RETRY_SECONDS if found is None else self.REFRESH_SECONDS
        if found is not None:
            self._lowest, self._read_at = found, time.monotonic()

    @property
    def fresh(self) -> bool:
        """Whether the set is young enough to trust; if not, ingest must answer 503."""
        return time.monotonic() - self._read_at < self.STALE_SECONDS

    def covers(self, uid: str, generation: int) -> bool:
        """Whether this token was revoked."""
        return generation < self._lowest.get(uid, 0)

    def _run(self) -> None:
        while not self._stopped.wait(self._wait_seconds):
            self.refresh()
