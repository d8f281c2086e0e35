"""Minutes at each level add up without loss, over hours, days, devices. Pure.

Enters: hours as reported. Leaves: sums as dicts {"cpu": [12], "memory": [12], "disk": [12], "disk_wait": [8],
"memory_pressure": [[4] x 4], "commit_pressure": [[4] x 4]}, a key left out where nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from muster_server.ingest.sections import UseHour

LEVELS = ("cpu", "memory", "disk")
WAIT = "disk_wait"
PRESSURE, COMMIT = "memory_pressure", "commit_pressure"
# Rows with under 10 % available memory; rows with 90 % and more of what may be committed; columns with 100 and more
# hard faults a second.
AVAILABLE_SHORT, COMMITTED_SHORT, FAULTING = (0, 1), (3,), slice(2, None)
_LISTS = (*LEVELS, WAIT)
_TABLES = (PRESSURE, COMMIT)
_ALL = (*_LISTS, *_TABLES)

Minutes = dict[str, Any]


class Shortage(NamedTuple):
    """Minutes whose memory is known, those short of it, and the part of these that shows by committed memory."""

    minutes: int
    short: int
    committed: int | None  # None where no system counts it


def of_hour(hour: UseHour) -> Minutes:
    """The minutes of one reported hour."""
    return {name: value for name in _ALL if (value := getattr(hour, name)) is not None}


def total(parts: Iterable[Minutes]) -> Minutes:
    """The sum of several, kind by kind; a kind that none knows stays out."""
    known = list(parts)
    if len(known) == 1:
        return known[0]
    summed: Minutes = {}
    for name in _LISTS:
        rows = [part[name] for part in known if name in part]
        if rows:
            summed[name] = rows[0] if len(rows) == 1 else list(map(sum, zip(*rows, strict=True)))
    for name in _TABLES:
        tables = [part[name] for part in known if name in part]
        if tables:
            summed[name] = [list(map(sum, zip(*rows, strict=True))) for rows in zip(*tables, strict=True)]
    return summed


def observed(minutes: Minutes) -> int:
    """Minutes in which the device was seen at some level."""
    return max((sum(minutes[name]) for name in LEVELS if name in minutes), default=0)


def short_of_memory(days: Iterable[Minutes]) -> Shortage | None:
    """Minutes with hard faults while little memory is available or nearly all is committed; None where none is known.

    The two are counted in tables of their own, so that of each day the larger one stands: at least so many.
    """
    minutes = short = committed = 0
    counted = False
    for day in days:
        tables = tables_of(day)
        by_commit = _marked(day, COMMIT, rows=COMMITTED_SHORT)
        minutes += max((sum(map(sum, table)) for table in tables), default=0)
        short += max(_marked(day, PRESSURE, rows=AVAILABLE_SHORT), by_commit)
        committed += by_commit
        counted = counted or COMMIT in day
    return Shortage(minutes, short, committed if counted else None) if minutes else None


def tables_of(minutes: Minutes) -> list[list[list[int]]]:
    """The tables of memory and hard faults that are known."""
    return [minutes[name] for name in _TABLES if name in minutes]


def _marked(minutes: Minutes, name: str, *, rows: tuple[int, ...]) -> int:
    table = minutes.get(name)
    return sum(sum(table[row][FAULTING]) for row in rows) if table else 0
