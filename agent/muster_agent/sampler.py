"""How hard the device works: one sample a minute, folded into minutes at each level of each UTC hour.

Enters: a machine, once a minute. Leaves: increments since the last `drain`, as the wire's section `use` wants them.
A sample stands for the minute before it. Minutes nobody looked are `missed`, minutes asleep `suspended`; both stand in
the hours in which they passed. What the system does not tell stays out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from muster_agent.collectors import describe
from muster_agent.machine import UNTOLD, Machine, instant
from muster_agent.sources.block import is_physical
from muster_agent.sources.processor import read_times
from muster_agent.sources.vmstat import read_commit, read_hard_faults

# Levels are [a, b), the last one closed.
EDGES = (0, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 100)
AVAILABLE_EDGES = (5, 10, 20)  # percent of memory available
COMMIT_EDGES = (70, 80, 90)  # percent of what may be committed
FAULT_EDGES = (10, 100, 1_000)  # hard faults a second
WAIT_EDGES = (1, 2, 5, 10, 20, 50, 100)  # milliseconds an operation of a drive took
_MINUTE, _HOUR = 60, 3_600
_MOST_HOURS = 24 * 34  # of one report
_CLOCK_SET_SECONDS = 1_800  # by less, the hours stay as they are


class _Reading:
    """Raw counters at one moment; None where the system does not tell."""

    __slots__ = ("awake", "busy", "commit", "cpu", "elapsed", "faults", "problem", "waits", "wall")

    def __init__(self, machine: Machine) -> None:
        self.problem: str | None = None
        self.cpu: tuple[float, float] | None = self._told(lambda: read_times(machine))  # (idle, total) seconds
        drives: dict[str, Any] = self._told(lambda: _drives(machine)) or {}
        self.busy: dict[str, int] = {n: c.busy_time for n, c in drives.items() if hasattr(c, "busy_time")}  # ms
        self.waits = {n: (c.read_time + c.write_time, c.read_count + c.write_count) for n, c in drives.items()}
        self.faults: int | None = None
        self.commit: float | None = None  # percent of the limit
        if machine.system == "windows":
            self._told(lambda: self._read_windows(machine))
        else:
            self.faults, self.commit = read_hard_faults(machine), read_commit(machine)
        self.wall, self.elapsed, self.awake = machine.wall(), machine.elapsed(), machine.awake()

    def _told(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except UNTOLD as error:
            self.problem = describe(error)
            return None

    def _read_windows(self, machine: Machine) -> None:
        from muster_agent.sources.windows.use import read_counters

        self.faults, self.commit, self.busy = read_counters(machine)


class Sampler:
    """Minutes at level since the last report."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._before: _Reading | None = None
        self._hours: dict[int, dict[str, Any]] = {}
        self._owed_seconds = 0.0
        self._asleep_seconds = 0.0
        self._problem: str | None = None

    def missed_since(self, at: float | None) -> None:
        """Nobody looked from `at` (seconds since 1970) until now, as far as this start of the device goes back."""
        now = self._machine.wall()
        if at is not None:
            self._pass("missed", int(min(now - at, self._machine.awake()) // _MINUTE), until=now)

    def sample(self) -> None:
        """Read the counters; from the second time on, account for the time since the time before."""
        now, before = _Reading(self._machine), self._before
        self._problem = now.problem
        if before is None:
            self._before = now
            return
        awake = max(0.0, now.awake - before.awake)
        asleep = self._asleep_seconds + max(0.0, now.elapsed - before.elapsed - awake)
        # A sample comes up to a second late or early; three quarters of a minute is a minute.
        minutes = int((self._owed_seconds + awake + 15) // _MINUTE)
        if not minutes and asleep < _MINUTE:
            return  # the minute that `before` began is not over
        self._before = now
        self._owed_seconds += awake - _MINUTE * minutes
        self._asleep_seconds = asleep % _MINUTE
        self._follow_clock(now.wall - before.wall - (now.elapsed - before.elapsed))
        if minutes:
            self._count(self._hour(now.wall - _MINUTE / 2), before, now=now)
        self._pass("missed", minutes - 1, until=now.wall - _MINUTE)
        self._pass("suspended", int(asleep // _MINUTE), until=now.wall - _MINUTE * minutes)

    def drain(self) -> dict[str, Any] | None:
        """The section `use` with everything since the last drain; None when there is nothing."""
        hours = [{"hour_at": instant(at * _HOUR), **counts} for at, counts in sorted(self._hours.items())]
        self._hours = {}
        return {"levels": 1, "hours": hours[-_MOST_HOURS:]} if hours else None

    def outcome(self) -> dict[str, Any]:
        """How sampling fares, as the wire wants it of every collector."""
        return {"outcome": "failed" if self._problem else "ok", "seconds": 0.0, "problem": self._problem}

    def _hour(self, at: float) -> dict[str, Any]:
        return self._hours.setdefault(int(at // _HOUR), {"missed": 0, "suspended": 0})

    def _pass(self, kind: str, minutes: int, *, until: float) -> None:
        """Put minutes into the hours in which they passed, going back from `until` (epoch seconds)."""
        for _ in range(_MOST_HOURS):
            if minutes <= 0:
                return
            middle = until - _MINUTE / 2
            part = min(minutes, int(middle % _HOUR // _MINUTE) + 1)
            self._hour(middle)[kind] += part
            minutes, until = minutes - part, until - _MINUTE * part

    def _follow_clock(self, set_by: float) -> None:
        """The clock was set: what was counted under the wrong time moves with it, by whole hours."""
        if abs(set_by) >= _CLOCK_SET_SECONDS:
            shift = round(set_by / _HOUR)
            self._hours = {at + shift: counts for at, counts in self._hours.items()}

    def _count(self, hour: dict[str, Any], before: _Reading, *, now: _Reading) -> None:
        seconds = now.awake - before.awake
        if now.cpu and before.cpu and now.cpu[1] > before.cpu[1]:
            idle, total = now.cpu[0] - before.cpu[0], now.cpu[1] - before.cpu[1]
            if idle >= 0:  # else a core was taken away
                _add(hour, "cpu", percent=100 * (1 - idle / total))
        self._count_drives(hour, before, now=now)
        try:
            memory = self._machine.ps.virtual_memory()
            available = 100 * memory.available / memory.total
        except (*UNTOLD, ZeroDivisionError) as error:
            self._problem = describe(error)
            return
        if not 0 <= available <= 100:
            return
        _add(hour, "memory", percent=100 - available)
        if now.faults is not None and before.faults is not None and now.faults >= before.faults and seconds > 0:
            column = bisect_right(FAULT_EDGES, (now.faults - before.faults) / seconds)
            _mark(hour, "memory_pressure", row=bisect_right(AVAILABLE_EDGES, available), column=column)
            if now.commit is not None:
                _mark(hour, "commit_pressure", row=bisect_right(COMMIT_EDGES, now.commit), column=column)

    def _count_drives(self, hour: dict[str, Any], before: _Reading, *, now: _Reading) -> None:
        seconds = now.awake - before.awake
        busy = [now.busy[name] - before.busy[name] for name in now.busy if name in before.busy]
        # Windows' counters go by a clock of their own: what it did asleep is not known.
        slept = self._machine.system == "windows" and now.elapsed - before.elapsed - seconds > 1
        if busy and min(busy) >= 0 and seconds > 0 and not slept:
            _add(hour, "disk", percent=100 * max(busy) / (1000 * seconds))
        both = [(now.waits[name], before.waits[name]) for name in now.waits if name in before.waits]
        took = [(new[0] - old[0]) / (new[1] - old[1]) for new, old in both if new[1] > old[1] and new[0] >= old[0]]
        if took:
            hour.setdefault("disk_wait", [0] * (len(WAIT_EDGES) + 1))[bisect_right(WAIT_EDGES, max(took))] += 1


def level_of(percent: float) -> int:
    """The index of the level in which a percentage lies, 0 to 11."""
    return min(max(bisect_right(EDGES, percent) - 1, 0), len(EDGES) - 2)


def _add(hour: dict[str, Any], kind: str, *, percent: float) -> None:
    hour.setdefault(kind, [0] * (len(EDGES) - 1))[level_of(percent)] += 1


def _mark(hour: dict[str, Any], name: str, *, row: int, column: int) -> None:
    hour.setdefault(name, [[0] * 4 for _ in range(4)])[row][column] += 1


def _drives(machine: Machine) -> dict[str, Any]:
    """What psutil counts of each drive; on Windows it names nothing else."""
    counters = machine.ps.disk_io_counters(perdisk=True, nowrap=False) or {}
    return {name: c for name, c in counters.items() if machine.system == "windows" or is_physical(name)}
