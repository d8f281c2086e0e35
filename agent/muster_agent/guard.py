"""The agent must never be what slows the PC down: a collector that costs too much is switched off, and that is said.

The limits are osquery's idea with smaller numbers: 5 % of a core for 30 s, which is 1.5 s of processor time in one run,
or 60 MB of memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from muster_agent.machine import Machine

_MOST_CPU_SECONDS = 1.5
_MOST_BYTES = 60_000_000


class Guard:
    """Watches what each collector costs the process."""

    def __init__(self, machine: Machine) -> None:
        self._process = machine.ps.Process()
        self._disabled: list[str] = []
        self._notes: list[str] = []

    def disables(self, name: str) -> bool:
        """Whether a collector is switched off until the agent starts again."""
        return name in self._disabled

    @contextmanager
    def watching(self, name: str) -> Iterator[None]:
        """Measure the processor time and memory around one collector, its child processes included."""
        before = self._process.cpu_times()
        yield
        after = self._process.cpu_times()
        seconds = sum(after[:4]) - sum(before[:4])
        resident = self._process.memory_info().rss
        if seconds > _MOST_CPU_SECONDS or resident > _MOST_BYTES:
            self._disabled.append(name)
            self._notes.append(f"{name} used {seconds:.1f} s and left {resident // 2**20} MiB: switched off")

    def report(self) -> dict[str, Any]:
        """What to say in the next report: nothing while all is well."""
        notes, self._notes = self._notes, []
        found: dict[str, Any] = {"disabled_collectors": self._disabled} if self._disabled else {}
        return {**found, "notes": notes} if notes else found
