"""The agent must never be what slows the PC down: a collector that costs too much is switched off, and that is said.

The limits are osquery's idea with smaller numbers: 5 % of a core for 30 s, which is 1.5 s of processor time in one run,
or growing the agent over 60 MB of memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from muster_agent.machine import UNTOLD, Machine

_MOST_CPU_SECONDS = 1.5
_MOST_BYTES = 60_000_000


class _Cost(NamedTuple):
    """What the process has used so far, with its children, and the memory it holds."""

    cpu_seconds: float
    resident_bytes: int


class Guard:
    """Watches what each collector costs the process; where psutil cannot tell, it lets all of them run."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._disabled: list[str] = []
        self._notes: list[str] = []

    def disables(self, name: str) -> bool:
        """Whether a collector is switched off until the agent starts again."""
        return name in self._disabled

    @contextmanager
    def watching(self, name: str) -> Iterator[None]:
        """Measure the processor time and memory around one collector, its child processes included."""
        before = self._cost()
        yield
        after = self._cost()
        if before is None or after is None:
            return
        seconds = after.cpu_seconds - before.cpu_seconds
        outgrown = before.resident_bytes <= _MOST_BYTES < after.resident_bytes
        if seconds > _MOST_CPU_SECONDS or outgrown:
            self._disabled.append(name)
            self._notes.append(
                f"{name} used {seconds:.1f} s and left {after.resident_bytes // 2**20} MiB: switched off"
            )

    def report(self) -> dict[str, Any]:
        """What to say in the next report: nothing while all is well."""
        notes, self._notes = self._notes, []
        found: dict[str, Any] = {"disabled_collectors": list(self._disabled)} if self._disabled else {}
        return {**found, "notes": notes} if notes else found

    def _cost(self) -> _Cost | None:
        try:
            process = self._machine.ps.Process()
            used, held = process.cpu_times(), process.memory_info()
            return _Cost(used.user + used.system + used.children_user + used.children_system, held.rss)
        except UNTOLD:
            return None
