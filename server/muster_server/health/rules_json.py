"""Writes `rules.json`: titles and versions of the rules for pages and commands, which never import Polars.

`python -m muster_server.health.rules_json` writes the file; a test fails when it has drifted from the rules.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from muster_server.health.assess import RULESET
from muster_server.health.rules import RULES

PATH = Path(__file__).parent.parent / "rules.json"


def text() -> str:
    """The content that the file should have."""
    rules = [
        {"id": rule.id, "version": rule.version, "title": rule.title, "suggests": rule.suggests, "needs": rule.needs}
        for rule in RULES
    ]
    encoded = msgspec.json.encode({"ruleset": RULESET, "rules": rules})
    return msgspec.json.format(encoded, indent=2).decode() + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), "utf-8")
