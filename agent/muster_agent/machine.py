"""What the outside world is to the agent: files, clocks, psutil, programs. The one seam that tests replace.

Enters: nothing. Leaves: a `Machine`. Collectors and sources reach the system through it alone, so a fixture machine is
a directory tree and a few values.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import psutil

if TYPE_CHECKING:
    from muster_agent.sources.passthrough import Answer, Command
    from muster_agent.sources.windows import Windows

System = Literal["linux", "windows", "macos"]

_SYSTEMS: dict[str, System] = {"win32": "windows", "darwin": "macos"}
_NICE = 10  # a tenth of an ordinary program's share: enough to hear at once that it has to stop
_PIECE_BYTES = 65_536
_MOST_BYTES = 16 * 2**20  # no file that is read here is larger on a healthy system
# What psutil raises where a system does not tell, besides what it raises by plan.
UNTOLD = (OSError, RuntimeError, ValueError, LookupError, AttributeError, psutil.Error)


def _clocks() -> tuple[Callable[[], float], Callable[[], float], Callable[[], float]]:
    """Wall, and seconds since the kernel's start with and without time asleep."""
    if sys.platform == "linux":
        return time.time, lambda: time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic
    elif sys.platform == "win32":  # noqa: RET505 - mypy reads each branch for its own platform only
        from muster_agent.sources.windows.clocks import interrupt_seconds, unbiased_seconds

        return time.time, interrupt_seconds, unbiased_seconds
    else:
        # mach_continuous_time and mach_absolute_time, in seconds.
        asleep_too, awake = time.CLOCK_MONOTONIC_RAW, time.CLOCK_UPTIME_RAW
        return time.time, lambda: time.clock_gettime(asleep_too), lambda: time.clock_gettime(awake)


class Machine:
    """The system the agent runs on."""

    def __init__(
        self,
        root: str = "/",
        *,
        ps: Any = psutil,
        run: Callable[[list[str], float], str] | None = None,
        clocks: tuple[Callable[[], float], Callable[[], float], Callable[[], float]] | None = None,
    ) -> None:
        """`run` starts a program and gives its output; `clocks` are wall, monotonic with and without time asleep."""
        self.root = root
        self.ps = ps
        self.patience_seconds = 10.0  # with one program
        self._run = run
        self.wall, self.elapsed, self.awake = clocks or _clocks()
        self.system: System = _SYSTEMS.get(sys.platform, "linux")
        self.notebook: dict[str, Any] = {}  # what collectors write down for their next run; the reporter keeps it
        self.remarks: list[str] = []  # what a collector that did its work could not read
        self._kept: dict[str, tuple[float, Any]] = {}

    @cached_property
    def ask_drive(self) -> Callable[[str, Command], Answer]:
        """Sends a command that only asks to a drive; the call raises OSError."""
        from muster_agent.sources.passthrough import ask

        return ask

    @cached_property
    def windows(self) -> Windows:
        """The calls that Windows alone has; raises OSError elsewhere."""
        if sys.platform == "win32":
            from muster_agent.sources.windows.native import Native

            return Native()
        else:  # noqa: RET505 - mypy reads each branch for its own platform only
            raise OSError("this is not Windows")

    def read(self, path: str) -> str:
        """The text of a file; raises OSError. Bytes that are not UTF-8 are replaced, NULs taken out."""
        with open(self._real(path), "rb") as file:
            # In pieces: a sysctl file refuses to be read into a large buffer.
            pieces = iter(lambda: file.read(_PIECE_BYTES), b"")
            return _text(b"".join(islice(pieces, _MOST_BYTES // _PIECE_BYTES)))

    def lines(self, path: str) -> Iterator[str]:
        """The lines of a file that may be long, one by one, without their ends; raises OSError."""
        with open(self._real(path), "rb") as file:
            for line in file:
                yield _text(line.rstrip(b"\r\n"))

    def read_bytes(self, path: str, most: int) -> bytes:
        """The first `most` bytes of a file; raises OSError."""
        with open(self._real(path), "rb") as file:
            return file.read(most)

    def read_or_none(self, path: str) -> str | None:
        """The text of a file without surrounding space, or None when it is not there or may not be read."""
        try:
            return self.read(path).strip()
        except OSError:
            return None

    def exists(self, path: str) -> bool:
        """Whether there is such a file or directory."""
        return os.path.exists(self._real(path))

    def names_in(self, path: str) -> list[str]:
        """The names in a directory, sorted; none when it is not there."""
        try:
            return sorted(os.listdir(self._real(path)))
        except OSError:
            return []

    def resolved(self, path: str) -> str:
        """The path behind symbolic links; those of a fixture machine are relative and stay within it."""
        real = os.path.realpath(self._real(path))
        return real if self.root == "/" else real.removeprefix(os.path.realpath(self.root))

    def changed_at(self, path: str) -> float | None:
        """When a file last changed, in seconds since 1970; None when it is not there."""
        try:
            return os.stat(self._real(path)).st_mtime
        except OSError:
            return None

    def run(self, argv: list[str]) -> str:
        """The output of a program; raises FileNotFoundError when there is none, OSError when it fails or hangs."""
        if self._run is None:
            from muster_agent.sources.process import run

            self._run = run
        return self._run(argv, self.patience_seconds).replace("\x00", "")

    def step_back(self) -> None:
        """Let everybody else go first on the processor and the drives; what the system refuses is left as it is."""
        with suppress(*UNTOLD):
            self.ps.Process().nice(self.ps.BELOW_NORMAL_PRIORITY_CLASS if self.system == "windows" else _NICE)
        with suppress(*UNTOLD):
            self.ps.Process().ionice(self.ps.IOPRIO_VERYLOW if self.system == "windows" else self.ps.IOPRIO_CLASS_IDLE)

    def once(self, name: str, read: Callable[[], Any], *, seconds: float = math.inf) -> Any:
        """What `read` gave, asked again only after `seconds`; its errors are not kept."""
        kept = self._kept.get(name)
        if kept is None or self.elapsed() - kept[0] > seconds:
            kept = self._kept[name] = (self.elapsed(), read())
        return kept[1]

    def owner(self, path: str) -> int | None:
        """The number of the account that a file belongs to; None when it is not there."""
        try:
            return os.stat(self._real(path)).st_uid
        except OSError:
            return None

    def now(self) -> str:
        """The wall clock as ISO 8601 in UTC, with milliseconds."""
        return instant(self.wall())

    def boot_id(self) -> str | None:
        """What names this boot of the kernel."""
        if self.system == "windows":
            return self._windows_boot_id
        if self.system == "macos":
            return self._sysctl("kern.bootsessionuuid")
        return (self.read_or_none("/proc/sys/kernel/random/boot_id") or "")[:64] or None

    def hostname(self) -> str | None:
        """The device's own name."""
        if self.system == "windows":
            from muster_agent.sources.windows.about import read_hostname

            return read_hostname(self)
        if self.system == "macos":
            return (self._sysctl("kern.hostname") or "").removesuffix(".local") or None
        found = self.read_or_none("/proc/sys/kernel/hostname") or self.read_or_none("/etc/hostname")
        return found[:256] if found else None

    def architecture(self) -> str:
        """The processor's, as the kernel names it."""
        if self.system == "windows":
            from muster_agent.sources.windows.about import read_architecture

            return read_architecture(self)
        if self.system == "macos":
            return self._sysctl("hw.machine") or "unknown"
        found = self.read_or_none("/proc/sys/kernel/arch")
        if not found:
            import platform  # kernels before 6.1 do not tell

            found = platform.machine()
        return found[:64]

    @cached_property
    def _windows_boot_id(self) -> str | None:
        from muster_agent.sources.windows.about import read_boot_id

        return read_boot_id(self)

    def _sysctl(self, name: str) -> str | None:
        from muster_agent.sources.macos.sysctl import read_sysctl

        try:
            return read_sysctl(self, name)
        except OSError:
            return None

    def _real(self, path: str) -> str:
        return path if self.root == "/" else os.path.join(self.root, path.lstrip("/"))


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace").replace("\x00", "")


def instant(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC, with milliseconds."""
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc)  # noqa: UP017 - read without another import
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
