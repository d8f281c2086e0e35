"""Minutes at each level: how hard a device works, hour by hour.

Enters: a device and a span of time. Leaves: the section `use` of that span. The minutes come out of a device's memory,
the memory its work wants, and its drive: where work wants more than there is, the drive pays with hard faults.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import cache
from random import Random
from typing import Any, NamedTuple

from tests.fleet.life import HOUR, MINUTE, Day, Life, iso

_EDGES = (10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95)
_AVAILABLE_EDGES = (5, 10, 20)
_FAULT_EDGES = (10, 100, 1_000)
_COMMIT_EDGES = (70, 80, 90)
_WAIT_EDGES = (1, 2, 5, 10, 20, 50, 100)
_COMMIT_LIMIT = 1.12  # of what is fitted, where a page file is kept small
_MOST_SUSPENDED = 1_500
# How busy the hours after somebody began are, 0 to 3: signing in, a morning, a pause, an afternoon.
_COURSE = (3, 2, 2, 1, 2, 2, 1, 1, 1, 0)
_CPU_PERCENT = (5, 14, 30, 55)
_DISK_WAIT_MS = {"hdd": 14.0, "ssd": 0.8, "nvme": 0.3, "unknown": 2.5}
_DISK_PERCENT = {"hdd": 45, "ssd": 8, "nvme": 4, "unknown": 10}
_VARIANTS = 4


class _Kind(NamedTuple):
    """Devices that work alike."""

    memory_gb: int
    demand_gb: float
    drive: str
    tells_faults: bool
    tells_commit: bool


def use(life: Life, begins_at: int, *, ends_at: int, clock_ms: int) -> dict[str, Any]:
    """The section `use` of a span of true time; the device's clock is off by `clock_ms`."""
    device = life.device
    tells = device.broken is None or device.broken[0] != "hard_faults"
    windows = device.model.family == "windows"
    kind = _Kind(device.memory_gb, device.demand_gb, device.drive, tells, tells and windows)
    hours: list[dict[str, Any]] = []
    awake = 0
    for day in life.days(begins_at, ends_at):
        first = max(begins_at, day.begins_at + day.begins * MINUTE)
        last = min(ends_at, day.begins_at + day.ends * MINUTE)
        for hour_at in range(first // HOUR * HOUR, last, HOUR):
            minutes = (min(hour_at + HOUR, last) - max(hour_at, first)) // MINUTE
            if minutes > 0:
                whim = day.whims[hour_at // HOUR % 24]
                level = _level(day, hour_at, whim)
                hours.append({"hour_at": iso(hour_at + clock_ms), **_minutes(kind, minutes, level, whim % _VARIANTS)})
                awake += minutes
    asleep = (ends_at - begins_at) // MINUTE - awake
    if asleep:  # an agent counts time asleep when the device wakes
        hours = hours or [{"hour_at": iso(begins_at // HOUR * HOUR + clock_ms)}]
        hours[0] = {**hours[0], "suspended": min(asleep, _MOST_SUSPENDED)}
    return {"levels": 1, "hours": hours}


def _level(day: Day, hour_at: int, whim: int) -> int:
    since = (hour_at - day.begins_at) // HOUR - day.begins // 60
    usual = _COURSE[min(max(since, 0), len(_COURSE) - 1)]
    return min(3, max(0, usual + (-1, 0, 0, 1)[whim // _VARIANTS % 4]))


@cache
def _minutes(kind: _Kind, minutes: int, level: int, variant: int) -> dict[str, Any]:
    """So many minutes of work at a level."""
    told: dict[str, Any] = {"cpu": [0] * 12, "memory": [0] * 12, "disk": [0] * 12}
    pressure, commit, waits = [[0] * 4 for _ in range(4)], [[0] * 4 for _ in range(4)], [0] * 8
    for cpu, memory, disk, row, column, committed, wait in _hour(kind, level, variant)[:minutes]:
        told["cpu"][cpu] += 1
        told["memory"][memory] += 1
        told["disk"][disk] += 1
        pressure[row][column] += 1
        commit[committed][column] += 1
        waits[wait] += 1
    told["disk_wait"] = waits
    told |= {"memory_pressure": pressure} if kind.tells_faults else {}
    return told | ({"commit_pressure": commit} if kind.tells_commit else {})


@cache
def _hour(kind: _Kind, level: int, variant: int) -> list[tuple[int, ...]]:
    """An hour of work, minute by minute: levels of processor, memory and disk; row and column of the pressure table.

    Then the row of committed memory and the level of the time that an operation of the drive took.
    """
    random, other = Random(repr((*kind[:4], level, variant))), Random(repr(("wait", kind, level, variant)))
    hour: list[tuple[int, ...]] = []
    for _ in range(60):
        wanted = kind.demand_gb * random.gauss(0.84 + 0.07 * level, 0.04)
        used = min(98.0, 100 * wanted / kind.memory_gb)
        row = _at(_AVAILABLE_EDGES, 100 - used)
        faults = random.lognormvariate(math.log((1_100, 400, 40, 4)[row]), 0.7)
        paging = min(60.0, faults / 20) if kind.drive == "hdd" else min(30.0, faults / 80)
        cpu = _at(_EDGES, random.gauss(_CPU_PERCENT[level], 6 + 3 * level))
        disk = _at(_EDGES, random.gauss(_DISK_PERCENT[kind.drive] * (0.5 + level / 2), 6) + paging)
        committed = _at(_COMMIT_EDGES, 100 * wanted / (_COMMIT_LIMIT * kind.memory_gb))
        wait = _at(_WAIT_EDGES, other.lognormvariate(math.log(_DISK_WAIT_MS[kind.drive]), 0.8) * (1 + paging / 30))
        hour.append((cpu, _at(_EDGES, used), disk, row, _at(_FAULT_EDGES, faults), committed, wait))
    return hour


def _at(edges: tuple[int, ...], value: float) -> int:
    return bisect_right(edges, value)
