"""JSON as the server writes it: compact, and canonical where evidence must be equal to the byte."""

from __future__ import annotations

from typing import Any

import msgspec

encode = msgspec.json.Encoder().encode
_canonical = msgspec.json.Encoder(order="sorted").encode


def canonical(value: Any) -> str:
    """JSON text with sorted keys: equal values give equal text."""
    return _canonical(value).decode()
