"""The facts of one device while its reports are folded in.

Enters: present rows of the store, then reports in any order. Leaves: the same rows, changed, and which of them changed.
Pure: no SQL, no clock. Folding is exactly-once because the caller marks a report as folded in the transaction that
writes these rows; within it, every step but the addition of minutes is idempotent and commutative.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from muster_server.clock import day_of
from muster_server.fold import marks, minutes
from muster_server.fold.marks import Row
from muster_server.ingest.schema import Outcome
from muster_server.ingest.sections import Software

# Latest bodies of these are kept as they came; the others become rows of their own.
KEPT_SECTIONS = ("system", "hardware", "place", "disks", "battery", "restart", "agent")


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
    sign_ins: dict[str, Row] = field(default_factory=dict)
    hours: dict[int, Row] = field(default_factory=dict)
    days: dict[str, Row] = field(default_factory=dict)
    sections: dict[str, tuple[int, str]] = field(default_factory=dict)  # name -> (fact_at, body)
    state: Row = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)  # collector -> how it last fared
    more_hours: defaultdict[int, list[Row]] = field(default_factory=lambda: defaultdict(list))  # not yet added up
    more_days: defaultdict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    software_at: int | None = None
    asked: str = "[]"  # what the device is asked for now, a JSON list of sections
    want: str = "[]"  # what it should be asked for
    software: Software | None = None  # a newer list than the stored one
    changed_starts: set[str] = field(default_factory=set)
    changed_sign_ins: set[str] = field(default_factory=set)
    changed_hours: set[int] = field(default_factory=set)
    changed_days: set[str] = field(default_factory=set)
    changed_sections: set[str] = field(default_factory=set)
    drops: Counter[str] = field(default_factory=Counter)
    due: bool = False  # a fact changed that a rule reads

    def add_start(self, row: Row, *, exact: bool) -> None:
        """Merge a piece of a start into its row, its twin's row (an `exact` id has no twin), or a new one."""
        old = self.starts.get(row["start_id"])
        if old is None and not exact:
            old = marks.twin_of(row, self.starts.values())
        merged = row if old is None else marks.merge(old, row)
        if merged != old:
            self.starts[merged["start_id"]] = merged
            self.changed_starts.add(merged["start_id"])
            self.due = True

    def add_sign_in(self, row: Row) -> None:
        """Merge a piece of a sign-in into its row, or a new one. No rule reads one within the hour: nothing is due."""
        old = self.sign_ins.get(row["sign_in_id"])
        merged = row if old is None else marks.merge_sign_in(old, row)
        if merged != old:
            self.sign_ins[merged["sign_in_id"]] = merged
            self.changed_sign_ins.add(merged["sign_in_id"])

    def add_use(self, hour_at: int, part: Row, *, by_hour: bool) -> None:
        """Take minutes of an hour, for its day and, when hours are kept so far back, the hour itself.

        `part` holds minutes, missed and suspended.
        """
        self.more_days[day_of(hour_at)].append(part)
        if by_hour:
            self.more_hours[hour_at].append(part)

    def add_up(self) -> None:
        """Bring hours and days up to date, each with all its parts at once: a day may come in a hundred reports."""
        for hour_at, parts in self.more_hours.items():
            self.hours[hour_at] = _added(self.hours.get(hour_at), parts)
        for day, parts in self.more_days.items():
            row = self.day(day)
            row.update(_added(row if row["minutes"] is not None else None, parts))
        self.changed_hours.update(self.more_hours)
        self.changed_days.update(self.more_days)
        self.more_hours.clear()
        self.more_days.clear()

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


def _added(old: Row | None, parts: list[Row]) -> dict[str, Any]:
    whole = parts if old is None else [old, *parts]
    return {
        "minutes": minutes.total(part["minutes"] for part in whole),
        "missed": sum(part["missed"] for part in whole),
        "suspended": sum(part["suspended"] for part in whole),
    }
