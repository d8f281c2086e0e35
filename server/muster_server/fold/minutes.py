"""Minutes at each level add up without loss, over hours, days, devices. Pure.

Enters: hours as reported. Leaves: sums as dicts {"cpu": [12], "memory": [12], "disk": [12], "disk_wait": [8],
"memory_pressure": [[4] x 4], "commit_pressure": [[4] x 4]}, a key left out where nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from muster_server.ingest.sections import UseHour

LEVELS = ("cpu", "memory", "disk")
WAIT = "disk_wait"
PRESSURE, COMMIT = "memory_pressure", "commit_pressure"
_LISTS = (*LEVELS, WAIT)
_TABLES = (PRESSURE, COMMIT)

Minutes = dict[str, Any]


def of_hour(hour: UseHour) -> Minutes:
    """The minutes of one reported hour."""
    return {name: value for name in (*_LISTS, *_TABLES) if (value := getattr(hour, name)) is not None}


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
