"""What a running process weighs, from /proc: CPU to the nanosecond, memory, bytes written to disk.

Enters: a process id. Leaves: a `Weight`, read anew at each `look`. The CPU is that of its threads' schedstat, since the
ticks of /proc/PID/stat are 10 ms each; children that have ended are added in ticks.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


class Weight:
    """One process, looked at once a second."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")
        self.cpu_seconds: list[float] = []  # total at each look
        self.resident: list[int] = []  # bytes at each look
        self.proportional: list[int] = []
        self.private: list[int] = []
        self.written: list[int] = []  # bytes that it caused to be written to disk since it began

    def look(self) -> None:
        """Read everything once; raises OSError when the process has ended."""
        self.cpu_seconds.append(self._cpu())
        self.written.append(self._written_bytes())
        memory = {
            name: 1_024 * int(value)
            for name, value in re.findall(
                r"^(\w+):\s+(\d+) kB$", (self._proc / "smaps_rollup").read_text(), re.MULTILINE
            )
        }
        self.resident.append(memory["Rss"])
        self.proportional.append(memory["Pss"])
        self.private.append(memory["Private_Clean"] + memory["Private_Dirty"])

    def _written_bytes(self) -> int:
        found = re.search(r"^write_bytes: (\d+)$", (self._proc / "io").read_text(), re.MULTILINE)
        return int(found[1]) if found else 0

    def cpu_between(self, begin: int, end: int) -> float:
        """CPU seconds from look `begin` to look `end`."""
        return self.cpu_seconds[end] - self.cpu_seconds[begin]

    @property
    def worst_second(self) -> float:
        """The most CPU seconds between two looks, the process's start included."""
        return max(b - a for a, b in zip([0.0, *self.cpu_seconds], self.cpu_seconds, strict=False))

    def _cpu(self) -> float:
        nanoseconds = 0
        for task in (self._proc / "task").iterdir():
            try:
                nanoseconds += int((task / "schedstat").read_text().split()[0])
            except FileNotFoundError:
                continue  # a thread that has just ended
        of_children = (self._proc / "stat").read_text().rpartition(")")[2].split()[13:15]
        return nanoseconds / 1e9 + sum(map(int, of_children)) / _TICK
