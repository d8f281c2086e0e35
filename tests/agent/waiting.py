"""What waits in a spool, read from outside while the agent works on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from muster_agent.spool import records


def waiting_in(spool: Path) -> list[dict[str, Any]]:
    """Reports that the server does not have yet, the oldest first; a segment may hold some that it has."""
    found = [record for path in sorted(spool.glob("0*.spool")) for record in records(path.read_bytes())]
    return [json.loads(record.report) for record in found if record.report is not None]
