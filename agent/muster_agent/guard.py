"""The agent must never be what slows the PC down: a collector that costs too much is switched off, and that is said.

The limits are osquery's idea with smaller numbers: 5 % of a core for 30 s, which is 1.5 s of processor time in half a
minute, or growing the agent over 60 MB of memory. What is off stays off for a day, restarts of the agent included; then
it is tried again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from muster_agent.machine import UNTOLD, Machine

_MOST_CPU_SECONDS, _WINDOW_SECONDS = 1.5, 30.0
_MOST_SHARE = _MOST_CPU_SECONDS / _WINDOW_SECONDS
_MOST_BYTES = 60_000_000
_OFF_SECONDS = 86_400.0


class _Cost(NamedTuple):
    """What the process has used so far, with its children, and the memory it holds."""

    cpu_seconds: float
    resident_bytes: int


class Guard:
    """Watches what each collector costs the process; where psutil cannot tell, it lets all of them run."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._off: dict[str, float] = {}  # name -> when it may run again, in seconds since 1970
        self._notes: list[str] = []
        self._spent: list[tuple[float, str, float]] = []  # of the last half minute: when, by whom, processor seconds
        self._seen: tuple[float, float] | None = None  # when the process was last looked at, and what it had used then

    def remember(self, off: Any) -> None:
        """Go on from what `state` gave in an earlier run; what is not of that shape, or further off, is forgotten."""
        now = self._machine.wall()
        for name, until in off.items() if isinstance(off, dict) else ():
            if isinstance(until, int | float) and now < until <= now + _OFF_SECONDS:
                self._off[name] = until

    def state(self) -> dict[str, float]:
        """What is switched off, for the next run."""
        return self._off

    def disables(self, name: str) -> bool:
        """Whether a collector is switched off; after a day it may run again."""
        until = self._off.get(name)
        if until is not None and not 0 < until - self._machine.wall() <= _OFF_SECONDS:
            del self._off[name]
        return name in self._off

    def switch_off(self, name: str, why: str) -> None:
        """Let a collector rest for a day; the next report says why."""
        self._off[name] = self._machine.wall() + _OFF_SECONDS
        self._notes.append(f"{name} {why}: switched off")

    @contextmanager
    def watching(self, name: str) -> Iterator[None]:
        """Measure the processor time and memory around one collector, its child processes included."""
        before = self._cost()
        yield
        after = self._cost()
        if before is None or after is None:
            return
        self._spend(name, after.cpu_seconds - before.cpu_seconds)
        if before.resident_bytes <= _MOST_BYTES < after.resident_bytes:
            self.switch_off(name, f"left {after.resident_bytes // 2**20} MiB")

    def burns(self) -> bool:
        """Whether since the last look, half a minute ago or more, the process used more than it may."""
        now = self._machine.awake()
        if self._seen is not None and now - self._seen[0] < _WINDOW_SECONDS:
            return False
        before, cost = self._seen, self._cost()
        self._seen = (now, cost.cpu_seconds) if cost else None
        if cost is None or before is None:
            return False
        return cost.cpu_seconds - before[1] > _MOST_SHARE * (now - before[0])

    def report(self) -> dict[str, Any]:
        """What to say in the next report: nothing while all is well."""
        notes, self._notes = self._notes, []
        off = [name for name in list(self._off) if self.disables(name)]
        found: dict[str, Any] = {"disabled_collectors": off} if off else {}
        return {**found, "notes": notes} if notes else found

    def _spend(self, name: str, seconds: float) -> None:
        """Whoever spent most of too much in half a minute is at fault."""
        now = self._machine.awake()
        self._spent = [*(spent for spent in self._spent if spent[0] > now - _WINDOW_SECONDS), (now, name, seconds)]
        if sum(cost for _, _, cost in self._spent) <= _MOST_CPU_SECONDS:
            return
        by_name: dict[str, float] = {}
        for _, spender, cost in self._spent:
            by_name[spender] = by_name.get(spender, 0.0) + cost
        worst = max(by_name, key=lambda spender: by_name[spender])
        self._spent = [spent for spent in self._spent if spent[1] != worst]
        self.switch_off(worst, f"used {by_name[worst]:.1f} s of processor time in half a minute")

    def _cost(self) -> _Cost | None:
        try:
            process = self._machine.ps.Process()
            used, held = process.cpu_times(), process.memory_info()
            return _Cost(used.user + used.system + used.children_user + used.children_system, held.rss)
        except UNTOLD:
            return None
