"""What of a list of facts is new since it was told. Pure, but for the memory that it is given."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_MOST_TOLD = 64


def news(told: dict[str, str], facts: list[dict[str, Any]], *, name: str) -> list[dict[str, Any]]:
    """The facts that differ from what was told under their id, which stands in `name`; `told` remembers the newest."""
    fresh = []
    for fact in facts:
        digest = digest_of(fact)
        if told.pop(fact[name], None) != digest:
            fresh.append(fact)
        told[fact[name]] = digest
    for old in list(told)[:-_MOST_TOLD]:
        del told[old]
    return fresh


def digest_of(fact: Any) -> str:
    """64 bits in hex by which a fact that JSON can carry is known again."""
    return hashlib.sha256(json.dumps(fact, sort_keys=True).encode()).hexdigest()[:16]
