"""The snapshot job: figures of the whole estate, for `/metrics` and the pages. Leaves the number of devices in it."""

from __future__ import annotations

from typing import Any

import msgspec

from muster_server.config import Settings
from muster_server.db import Database
from muster_server.health import estate
from muster_server.health.snapshot import EstateSnapshot
from muster_server.store.folding import report_backlog
from muster_server.store.snapshots import lines_after, save_snapshot, tallies

_PAGE = 5_000


def run(database: Database, _settings: Settings, *, now: int) -> int:
    """Make and keep a snapshot of the estate at `now`."""
    lines = _all_lines(database)
    outcomes = {line["device_id"]: msgspec.json.decode(line["outcomes"]) for line in lines if line["outcomes"]}
    with database.read() as connection:
        unfolded, oldest = report_backlog(connection)
        tallied = tallies(connection, now)
    snapshot = EstateSnapshot(
        made_at=now,
        devices=len(lines),
        by_verdict=estate.by_verdict(lines),
        by_class=estate.counted(lines, "device_class"),
        by_os=estate.counted(lines, "os_name"),
        by_agent_version=estate.counted(lines, "agent_version"),
        by_silence=estate.by_silence(lines, now),
        by_unit=estate.counted(lines, "unit"),
        unit_verdicts=estate.unit_verdicts(lines),
        assessments_failed=sum(line["error"] is not None for line in lines),
        starts=estate.start_groups(lines),
        sign_ins=estate.sign_in_groups(lines),
        windows11=estate.windows11(lines),
        coverage=estate.coverage(lines, outcomes, now=now),
        collectors=estate.collectors(outcomes.values()),
        problems=estate.problems(outcomes.values()),
        unfolded=unfolded,
        oldest_unfolded_seconds=None if oldest is None else (now - oldest) / 1000,
        **tallied,
    )
    with database.write() as connection:
        save_snapshot(connection, snapshot)
    return len(lines)


def _all_lines(database: Database) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    while True:
        with database.read() as connection:
            page = lines_after(connection, lines[-1]["device_id"] if lines else 0, limit=_PAGE)
        lines += page
        if len(page) < _PAGE:
            return lines
