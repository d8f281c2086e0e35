"""The facts of one device while its reports are folded in.

Enters: present rows of the store, then reports in any order. Leaves: the same rows, changed, and which of them changed.
Pure: no SQL, no clock. Folding is exactly-once because the caller marks a report as folded in the transaction that
writes these rows; within it, every step but the addition of minutes is idempotent and commutative.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from muster_server.fold import marks, minutes
from muster_server.fold.marks import Row
from muster_server.ingest.sections import Software

# Latest bodies of these are kept as they came; the others become rows of their own.
KEPT_SECTIONS = ("system", "hardware", "disks", "battery", "restart", "agent")


@dataclass(frozen=True)
class Horizon:
    """How old a fact may be, as instants (epoch ms) before which it is dropped."""

    use_hours_from: int
    facts_from: int


@dataclass
class DeviceFacts:
    """Rows of one device by their key, and what of them the store must learn."""

    device_id: int
    starts: dict[str, Row] = field(default_factory=dict)
    hours: dict[int, Row] = field(default_factory=dict)
    days: dict[str, Row] = field(default_factory=dict)
    sections: dict[str, tuple[int, str]] = field(default_factory=dict)  # name -> (fact_at, body)
    state: Row = field(default_factory=dict)
    software_at: int | None = None
    want: str = "[]"
    software: Software | None = None  # a newer list than the stored one
    changed_starts: set[str] = field(default_factory=set)
    changed_hours: set[int] = field(default_factory=set)
    changed_days: set[str] = field(default_factory=set)
    changed_sections: set[str] = field(default_factory=set)
    drops: Counter[str] = field(default_factory=Counter)
    due: bool = False  # a fact changed that a rule reads

    def add_start(self, row: Row, *, exact: bool) -> None:
        """Merge a piece of a start into its row, its twin's row (an `exact` id has no twin), or a new one."""
        old = self.starts.get(row["start_id"])
        if old is None and not exact:
            old = marks.twin_of(row, list(self.starts.values()))
        merged = row if old is None else marks.merge(old, row)
        if merged != old:
            self.starts[merged["start_id"]] = merged
            self.changed_starts.add(merged["start_id"])
            self.due = True

    def add_hour(self, hour_at: int, part: Row) -> None:
        """Add minutes to an hour; `part` holds minutes, missed and suspended."""
        self.hours[hour_at] = _added(self.hours.get(hour_at), part)
        self.changed_hours.add(hour_at)

    def add_day(self, day: str, part: Row) -> None:
        """Add minutes to a day."""
        row = self.day(day)
        row.update(_added(row if row["minutes"] is not None else None, part))
        self.changed_days.add(day)

    def day(self, day: str) -> Row:
        """The row of a day, made empty when it is new."""
        empty = {"minutes": None, "missed": 0, "suspended": 0, "read_at": None}
        return self.days.setdefault(day, {**empty, "disk_free_bytes": None, "disk_total_bytes": None, "battery": None})

    def keep_section(self, name: str, fact_at: int, *, body: str) -> bool:
        """Keep the newest body of a section; gives whether this one is it and differs from the one before."""
        old = self.sections.get(name)
        if old is not None and (fact_at, body) <= old:
            return False
        self.sections[name] = (fact_at, body)
        self.changed_sections.add(name)
        return old is None or old[1] != body


def _added(old: Row | None, part: Row) -> dict[str, Any]:
    if old is None:
        return dict(part)
    return {
        "minutes": minutes.total((old["minutes"], part["minutes"])),
        "missed": old["missed"] + part["missed"],
        "suspended": old["suspended"] + part["suspended"],
    }
