"""Minutes at each level add up without loss, over hours, days, devices. Pure.

Enters: hours as reported. Leaves: sums as dicts {"cpu": [12], "memory": [12], "disk": [12], "memory_pressure":
[[4] x 4]}, a key left out where nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from muster_server.ingest.sections import UseHour

LEVELS = ("cpu", "memory", "disk")
PRESSURE = "memory_pressure"

Minutes = dict[str, Any]


def of_hour(hour: UseHour) -> Minutes:
    """The minutes of one reported hour."""
    found = {name: value for name in LEVELS if (value := getattr(hour, name)) is not None}
    if hour.memory_pressure is not None:
        found[PRESSURE] = hour.memory_pressure
    return found


def total(parts: Iterable[Minutes]) -> Minutes:
    """The sum of several, kind by kind; a kind that none knows stays out."""
    known = list(parts)
    if len(known) == 1:
        return known[0]
    summed: Minutes = {}
    for name in LEVELS:
        rows = [part[name] for part in known if name in part]
        if rows:
            summed[name] = rows[0] if len(rows) == 1 else list(map(sum, zip(*rows, strict=True)))
    tables = [part[PRESSURE] for part in known if PRESSURE in part]
    if tables:
        summed[PRESSURE] = [list(map(sum, zip(*rows, strict=True))) for rows in zip(*tables, strict=True)]
    return summed


def observed(minutes: Minutes) -> int:
    """Minutes in which the device was seen at some level."""
    return max((sum(minutes[name]) for name in LEVELS if name in minutes), default=0)
