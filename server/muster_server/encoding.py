"""JSON as the server writes it: compact, and canonical where evidence must be equal to the byte."""

from __future__ import annotations

import re
from typing import Any

import msgspec

encode = msgspec.json.Encoder().encode
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # an even number of backslashes before it are text
_canonical = msgspec.json.Encoder(order="sorted").encode


def canonical(value: Any) -> str:
    """JSON text with sorted keys: equal values give equal text."""
    return _canonical(value).decode()


def holds_nul(encoded: bytes) -> bool:
    """Whether a text in encoded JSON holds a NUL character, which no text column of PostgreSQL can take."""
    return b"\\u0000" in encoded and _NUL.search(encoded) is not None
