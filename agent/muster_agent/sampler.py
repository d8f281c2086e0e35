"""How hard the device works: one sample a minute, folded into minutes at each level of each UTC hour.

Enters: a machine, once a minute. Leaves: increments since the last `drain`, as the wire's section `use` wants them.
A sample stands for the minute before it. Minutes nobody looked are `missed`, minutes asleep `suspended`.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from muster_agent.machine import Machine, instant
from muster_agent.sources.block import is_physical
from muster_agent.sources.vmstat import read_hard_faults

# Levels are [a, b), the last one closed.
EDGES = (0, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 100)
_AVAILABLE_EDGES = (5, 10, 20)  # percent of memory available
_FAULT_EDGES = (10, 100, 1_000)  # hard faults a second
_HOUR = 3_600
_MOST_HOURS = 24 * 34


class _Reading:
    """Raw counters at one moment."""

    __slots__ = ("awake", "busy", "cpu_idle", "cpu_total", "elapsed", "faults")

    def __init__(self, machine: Machine) -> None:
        times = machine.ps.cpu_times()
        self.cpu_idle = times.idle + getattr(times, "iowait", 0.0)
        # Guest time is part of user time already.
        self.cpu_total = sum(getattr(times, name) for name in times._fields if not name.startswith("guest"))
        counters = machine.ps.disk_io_counters(perdisk=True, nowrap=False) or {}
        self.busy = {name: c.busy_time for name, c in counters.items() if is_physical(name) and hasattr(c, "busy_time")}
        self.faults = read_hard_faults(machine)
        self.elapsed, self.awake = machine.elapsed(), machine.awake()


class Sampler:
    """Minutes at level since the last report."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._before: _Reading | None = None
        self._hours: dict[int, dict[str, Any]] = {}
        self._owed_seconds = 0.0
        self._asleep_seconds = 0.0

    def sample(self) -> None:
        """Read the counters; from the second time on, account for the time since the time before."""
        now = _Reading(self._machine)
        before, self._before = self._before, now
        if before is None:
            return
        awake = max(0.0, now.awake - before.awake)
        self._owed_seconds += awake
        self._asleep_seconds += max(0.0, (now.elapsed - before.elapsed) - awake)
        # A sample comes up to a second late or early; three quarters of a minute is a minute.
        minutes = int((self._owed_seconds + 15) // 60)
        asleep = int(self._asleep_seconds // 60)
        if not minutes and not asleep:
            return
        self._owed_seconds -= 60 * minutes
        self._asleep_seconds -= 60 * asleep
        hour = self._hour()
        hour["suspended"] += asleep
        if minutes:
            hour["missed"] += minutes - 1
            self._count(hour, before, now=now)

    def drain(self) -> dict[str, Any] | None:
        """The section `use` with everything since the last drain; None when there is nothing."""
        if not self._hours:
            return None
        hours = [{"hour_at": instant(at * _HOUR), **counts} for at, counts in sorted(self._hours.items())]
        self._hours = {}
        return {"levels": 1, "hours": [_bounded(hour) for hour in hours[-_MOST_HOURS:]]}

    def _hour(self) -> dict[str, Any]:
        return self._hours.setdefault(int(self._machine.wall() // _HOUR), {"missed": 0, "suspended": 0})

    def _count(self, hour: dict[str, Any], before: _Reading, *, now: _Reading) -> None:
        memory = self._machine.ps.virtual_memory()
        total = now.cpu_total - before.cpu_total
        if total > 0:
            _add(hour, "cpu", percent=100 * (1 - (now.cpu_idle - before.cpu_idle) / total))
        _add(hour, "memory", percent=memory.percent)
        seconds = now.awake - before.awake
        busy = [now.busy[name] - before.busy[name] for name in now.busy if name in before.busy]
        if busy and seconds > 0:
            _add(hour, "disk", percent=100 * max(busy) / (1000 * seconds))
        if now.faults is not None and before.faults is not None and seconds > 0 and memory.total:
            row = bisect_right(_AVAILABLE_EDGES, 100 * memory.available / memory.total)
            column = bisect_right(_FAULT_EDGES, max(0, now.faults - before.faults) / seconds)
            table = hour.setdefault("memory_pressure", [[0] * 4 for _ in range(4)])
            table[row][column] += 1


def level_of(percent: float) -> int:
    """The index of the level in which a percentage lies, 0 to 11."""
    return min(max(bisect_right(EDGES, percent) - 1, 0), len(EDGES) - 2)


def _add(hour: dict[str, Any], kind: str, *, percent: float) -> None:
    hour.setdefault(kind, [0] * (len(EDGES) - 1))[level_of(percent)] += 1


def _bounded(hour: dict[str, Any]) -> dict[str, Any]:
    """A device asleep for weeks wakes in one hour: what the wire can hold of it."""
    return {**hour, "missed": min(hour["missed"], 1_500), "suspended": min(hour["suspended"], 1_500)}
