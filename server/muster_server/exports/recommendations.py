"""The list for the finance board: every open recommendation with its evidence, as CSV, read by key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from muster_server.clock import iso
from muster_server.db import Database
from muster_server.exports.csv_text import lines
from muster_server.health.findings import Finding
from muster_server.store.lists import Filters, open_recommendations

_PART = 1_000
_HEADER = (
    "hostname", "serial", "device", "unit", "site", "class", "manufacturer", "model", "operating_system",
    "suggestion", "rule", "rule_version", "finding", "measured", "measured_at_least", "unit_of_measure", "threshold",
    "samples", "would_clear_it", "flag_raised_at", "acknowledged_by", "last_reported_at",
)  # fmt: skip


_DESCRIBED = ("hostname", "serial", "uid", "unit", "site", "device_class", "manufacturer", "model")


def write_recommendations(database: Database, filters: Filters, *, bom: bool = False) -> Iterator[str]:
    """Text of the CSV, a line at a time; no transaction stays open longer than one part."""
    return lines(_HEADER, _rows(database, filters), bom=bom)


def _rows(database: Database, filters: Filters) -> Iterator[list[Any]]:
    after: tuple[int, int] | None = None
    while True:
        with database.read() as connection:
            part = open_recommendations(connection, after, limit=_PART, filters=filters)
        yield from map(_row, part)
        if len(part) < _PART:
            return
        after = part[-1]["place"]


def _row(line: dict[str, Any]) -> list[Any]:
    finding = msgspec.json.decode(line["evidence"], type=Finding)
    first = finding.evidence[0]
    described = [
        line[n] for n in ("hostname", "serial", "uid", "unit", "site", "device_class", "manufacturer", "model")
    ]
    judged = [finding.suggests, finding.title, finding.version, finding.sentence]
    measured = [first.value, "yes" if first.at_least else "no", first.unit]
    dates = [line["raised_at"], line["reported_at"]]
    raised_at, reported_at = (iso(at) if at else None for at in dates)
    return [
        *described,
        line["os_name"],
        *judged,
        *measured,
        first.threshold,
        first.samples,
        finding.clears,
        raised_at,
        line["acknowledged_by"],
        reported_at,
    ]
