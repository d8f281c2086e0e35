"""Starts arrive in pieces and late: how two pieces of one start become one row. Pure and commutative.

Enters: rows of `starts` as dicts. Leaves: the merged row. Null never overwrites a value; of two values the one of
better quality wins, then the higher revision, then the longer: so the order of arrival makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MARKS = ("to_sign_in", "to_desktop", "to_usable", "to_settled")
PHASES = ("firmware_ms", "loader_ms", "kernel_ms", "initrd_ms", "userspace_ms")
TWIN_MS = 60_000
_RANK = {None: 0, "estimated": 1, "own": 2, "measured": 3}

Row = dict[str, Any]


def merge(old: Row, new: Row) -> Row:
    """One row out of two pieces of the same start; keeps the identity and zero of `old`."""
    merged = dict(old)
    for mark in MARKS:
        if _worth(new, mark) > _worth(old, mark):
            for part in ("ms", "quality", "revision"):
                merged[f"{mark}_{part}"] = new[f"{mark}_{part}"]
    for phase in PHASES:
        known = [row[phase] for row in (old, new) if row[phase] is not None]
        merged[phase] = max(known, default=None)
    merged["before_agent"] = old["before_agent"] and new["before_agent"]
    merged["after_update"] = old["after_update"] or new["after_update"]
    merged["culprits"] = max((row["culprits"] for row in (old, new) if row["culprits"]), key=_breadth, default=None)
    merged["first_received_at"] = min(old["first_received_at"], new["first_received_at"])
    return merged


def twin_of(row: Row, others: Iterable[Row]) -> Row | None:
    """The start among `others` (same device) that is this one under another id: same kind, zero within 60 s."""
    near = [
        other
        for other in others
        if abs(other["zero_at"] - row["zero_at"]) <= TWIN_MS
        and other["kind"] == row["kind"]
        and other["start_id"] != row["start_id"]
    ]
    return min(near, key=lambda other: (abs(other["zero_at"] - row["zero_at"]), other["start_id"]), default=None)


def shown_mark(row: Row) -> tuple[str, int] | None:
    """(mark, milliseconds) that stands for a start in a list: the first of usable, desktop, settled that is known."""
    for mark in ("to_usable", "to_desktop", "to_settled"):
        if row[f"{mark}_ms"] is not None:
            return mark, row[f"{mark}_ms"]
    return None


def _worth(row: Row, mark: str) -> tuple[int, int, int]:
    milliseconds = row[f"{mark}_ms"]
    if milliseconds is None:
        return (-1, 0, 0)
    return (_RANK[row[f"{mark}_quality"]], row[f"{mark}_revision"] or 0, milliseconds)


def _breadth(culprits: str) -> tuple[int, str]:
    return (len(culprits), culprits)
