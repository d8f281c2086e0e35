"""Starts and sign-ins as told → rows of the store. Pure."""

from __future__ import annotations

from muster_server.encoding import canonical
from muster_server.fold.marks import MARKS, PHASES, SIGN_IN_MARKS, SIGN_IN_PARTS, Row
from muster_server.ingest.starts import SignIn, Start

# Spelled out once: a start has four marks of four columns, and there are hundreds of starts a device.
_MARK_NAMES = [
    (mark, f"{mark}_seconds", f"{mark}_ms", f"{mark}_quality", f"{mark}_revision", f"{mark}_at_least") for mark in MARKS
]
_PHASE_NAMES = [(phase.replace("_ms", "_seconds"), phase) for phase in PHASES]


def start_row(zero_at: int, start: Start, *, received_at: int) -> Row:
    """A row of `starts` without its device."""
    row: Row = {"start_id": start.start_id, "zero_at": zero_at, "kind": start.kind}
    for mark, seconds, column, quality, revision, at_least in _MARK_NAMES:
        row[column] = _milliseconds(getattr(start, seconds))
        known = row[column] is not None
        row[quality] = (getattr(start, quality) or "own") if known else None
        row[revision] = getattr(start, revision) if known else None
        row[at_least] = mark in start.lower_bounds if known else None
    for seconds, column in _PHASE_NAMES:
        row[column] = _milliseconds(getattr(start, seconds))
    row["stop_before"], row["stop_code"] = start.stop_before, start.stop_code
    row["before_agent"] = start.before_agent
    row["after_update"] = start.after_update
    row["culprits"] = canonical(start.culprits) if start.culprits else None
    row["first_received_at"] = received_at
    return row


def sign_in_row(at: int, sign_in: SignIn, *, received_at: int) -> Row:
    """A row of `sign_ins` without its device."""
    row: Row = {"sign_in_id": sign_in.sign_in_id, "at": at, "kind": sign_in.kind}
    # Only the agent's own timer tells when a desktop was usable, so that the wire names no quality for it.
    qualities = {"to_desktop": sign_in.to_desktop_quality or "own", "to_usable": "own"}
    for mark in SIGN_IN_MARKS:
        milliseconds = _milliseconds(getattr(sign_in, f"{mark}_seconds"))
        known = milliseconds is not None
        row[f"{mark}_ms"] = milliseconds
        row[f"{mark}_quality"] = qualities[mark] if known else None
        row[f"{mark}_at_least"] = mark in sign_in.lower_bounds if known else None
    for part in SIGN_IN_PARTS:
        row[part] = _milliseconds(getattr(sign_in, part.replace("_ms", "_seconds")))
    row["before_agent"] = sign_in.before_agent
    row["first_received_at"] = received_at
    return row


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
