"""Starts and sign-ins arrive in pieces and late: how two pieces of one become one row. Pure and commutative.

Enters: rows of `starts` or `sign_ins` as dicts. Leaves: the merged row. Null never overwrites a value; of two values
the one of better quality wins, then the higher revision, then the longer, then the exact one: so the order of arrival
makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MARKS = ("to_sign_in", "to_desktop", "to_usable", "to_settled")
PHASES = (
    "firmware_ms", "loader_ms", "kernel_ms", "initrd_ms", "userspace_ms", "session_ms", "sign_in_other_ms",
    "machine_policy_ms", "user_policy_ms", "shell_ms", "settling_ms",
)  # fmt: skip
SIGN_IN_MARKS = ("to_desktop", "to_usable")
SIGN_IN_PARTS = ("authentication_ms", "policy_ms", "profile_ms", "shell_ms")
TWIN_MS = 60_000
_RANK = {None: 0, "estimated": 1, "own": 2, "measured": 3}
# Of two that differ the later here stands: it says more of what happened, and of a sign-in what it was.
_STOPS = ("clean", "update", "unexpected", "power_lost", "long_button_press", "bugcheck")
_KINDS = ("unknown", "cached", "unlock", "automatic", "roaming", "first", "remote")

Row = dict[str, Any]


def merge(old: Row, new: Row) -> Row:
    """One row out of two pieces of the same start; keeps the identity and zero of `old`."""
    merged = _merged(old, new, marks=MARKS, spans=PHASES)
    merged["after_update"] = old["after_update"] or new["after_update"]
    merged["culprits"] = max((row["culprits"] for row in (old, new) if row["culprits"]), key=_breadth, default=None)
    stops = [row["stop_before"] for row in (old, new) if row["stop_before"]]
    merged["stop_before"] = max(stops, key=_STOPS.index, default=None)
    merged["stop_code"] = max((row["stop_code"] for row in (old, new) if row["stop_code"]), default=None)
    return merged


def merge_sign_in(old: Row, new: Row) -> Row:
    """One row out of two pieces of the same sign-in; keeps the identity and instant of `old`."""
    merged = _merged(old, new, marks=SIGN_IN_MARKS, spans=SIGN_IN_PARTS)
    merged["kind"] = max(old["kind"], new["kind"], key=_KINDS.index)
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


def shown_mark(row: Row, marks: Iterable[str] = ("to_usable", "to_desktop", "to_settled")) -> tuple[str, int] | None:
    """(mark, milliseconds) that stands for a start or sign-in in a list: the first of `marks` that is known."""
    for mark in marks:
        if row[f"{mark}_ms"] is not None:
            return mark, row[f"{mark}_ms"]
    return None


def _merged(old: Row, new: Row, *, marks: tuple[str, ...], spans: tuple[str, ...]) -> Row:
    merged = dict(old)
    for mark in marks:
        if _worth(new, mark) > _worth(old, mark):
            for part in ("ms", "quality", "revision", "at_least"):
                if f"{mark}_{part}" in old:  # a sign-in has no revisions
                    merged[f"{mark}_{part}"] = new[f"{mark}_{part}"]
    for span in spans:
        known = [row[span] for row in (old, new) if row[span] is not None]
        merged[span] = max(known, default=None)
    merged["before_agent"] = old["before_agent"] and new["before_agent"]
    merged["first_received_at"] = min(old["first_received_at"], new["first_received_at"])
    return merged


def _worth(row: Row, mark: str) -> tuple[int, int, int, bool]:
    milliseconds = row[f"{mark}_ms"]
    if milliseconds is None:
        return (-1, 0, 0, False)
    exact = not row[f"{mark}_at_least"]
    return (_RANK[row[f"{mark}_quality"]], row.get(f"{mark}_revision") or 0, milliseconds, exact)


def _breadth(culprits: str) -> tuple[int, str]:
    return (len(culprits), culprits)
