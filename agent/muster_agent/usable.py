"""The agent's own timer: how long after the desktop is shown the device can be used.

Usable: the processor under half busy for 2 s, measured from the beginning of those 2 s. Enters: a machine, and `Eyes`
that see sign-in screens and desktops. Leaves: instants, in `machine.notebook["seen"]`, which the collectors of starts
and sign-ins make marks of. It is told how long to leave it alone, so that it weighs next to nothing on most days.

A start is looked for when the agent begins within 10 minutes of the kernel's, and when the device was asleep: with Fast
Startup the agent is frozen at shutdown and thawed at power-on, never stopped. Waking from sleep shows nobody a new
desktop, and then nothing is measured.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

from muster_agent.machine import Machine
from muster_agent.sources.processor import read_times

_YOUNG_SECONDS = 600.0
_MOST_SECONDS = 2_700.0  # a device that is busy for longer is told as "at least"
_QUIET_SECONDS, _BUSY = 2.0, 0.5
_GAP_SECONDS = 5.0  # shorter sleep is a clock's rounding
_LATE_SECONDS = 10.0  # a desktop older than this when first looked at was perhaps usable before
_KEEN_SECONDS = 120.0  # how long to look often after a start or a wake
_EASY, _KEEN, _MEASURING = 5.0, 1.0, 0.5  # seconds between looks
_MOST_KEPT = 40


class Eyes(Protocol):
    """What the timer looks at; all instants are seconds since 1970."""

    def signed_in(self) -> frozenset[int]:
        """The sessions in which somebody is signed in; raises OSError when that cannot be seen."""

    def screen_at(self, since: float) -> float | None:
        """When a sign-in screen was first shown after `since`."""

    def desktop_at(self, session: int) -> float | None:
        """When the shell of a session began; None while there is none."""


class Seen(NamedTuple):
    """One desktop. `usable_at` is None when that was missed; `at_least`: it was not usable by then, and maybe never."""

    desktop_at: float
    usable_at: float | None
    at_least: bool


class Quiet:
    """Finds the first moment from which the processor was under half busy for 2 s. Pure."""

    def __init__(self) -> None:
        self._since: float | None = None

    def see(self, begun: float, ended: float, *, busy: float) -> float | None:
        """Account for one stretch (seconds on a steady clock, busy 0 to 1); gives the moment once it is known."""
        if busy >= _BUSY:
            self._since = None
            return None
        self._since = begun if self._since is None else self._since
        return self._since if ended - self._since >= _QUIET_SECONDS else None


class Timer:
    """Watches for desktops and times them; call `look` when the seconds that it gave are over."""

    def __init__(self, machine: Machine, eyes: Eyes | None) -> None:
        """Begins as the agent does: within 10 minutes of the kernel's start, a start is going on.

        Without `eyes` there is nothing to look at, ever.
        """
        self._machine, self._eyes = machine, eyes
        self._elapsed, self._awake = machine.elapsed(), machine.awake()
        young = self._elapsed < _YOUNG_SECONDS
        self._keen_until = self._elapsed + _KEEN_SECONDS if young else 0.0
        self._since = machine.wall() - self._elapsed - _GAP_SECONDS
        self._screen_until = self._elapsed + _YOUNG_SECONDS if young else 0.0
        # Whoever was signed in before an agent that came late has long had a desktop.
        self._known = self._signed_in(eyes) if eyes and not young else frozenset()
        self._watched: dict[int, float] = {}  # session → when it was first seen, by the clock that counts sleep
        self._measured: _Measuring | None = None

    def look(self) -> tuple[float, bool]:
        """Look once; gives the seconds after which to look again, and whether a desktop was written down."""
        if self._eyes is None:
            return math.inf, False
        self._notice_sleep()
        news = self._measure() if self._measured else self._look_for_desktops(self._eyes)
        if self._measured:
            return _MEASURING, news
        self._look_for_screen(self._eyes)
        return (_KEEN if self._watched or self._elapsed < self._keen_until else _EASY), news

    def _notice_sleep(self) -> None:
        elapsed, awake = self._machine.elapsed(), self._machine.awake()
        since = max(0.0, awake - self._awake)
        if elapsed - self._elapsed - since > _GAP_SECONDS:
            self._keen_until = self._screen_until = elapsed - since + _KEEN_SECONDS
            self._since = self._machine.wall() - since - _GAP_SECONDS
            self._known, self._watched, self._measured = frozenset(), {}, None
        self._elapsed, self._awake = elapsed, awake

    def _look_for_screen(self, eyes: Eyes) -> None:
        shown = eyes.screen_at(self._since) if self._elapsed < self._screen_until else None
        if shown is not None:
            self._write("screens", shown)
            self._screen_until = 0.0

    def _look_for_desktops(self, eyes: Eyes) -> bool:
        present, news = self._signed_in(eyes), False
        self._watched.update(dict.fromkeys(present - self._known, self._elapsed))
        self._known = present
        for session, since in list(self._watched.items()):
            shown = eyes.desktop_at(session) if session in present else None
            if shown is not None:
                del self._watched[session]
                news = self._found(shown) or news
            elif session not in present or self._elapsed - since > _YOUNG_SECONDS:
                del self._watched[session]  # signed out again, or a session without a desktop
        return news

    def _found(self, desktop_at: float) -> bool:
        if desktop_at < self._since:
            return False  # it outlived a sleep, and nobody waited for it
        if not -1 <= self._machine.wall() - desktop_at <= _LATE_SECONDS:
            self._write("desktops", Seen(desktop_at, None, at_least=False))
            return True
        self._measured = self._measured or _Measuring(self._machine, desktop_at)
        return False

    def _measure(self) -> bool:
        seen = self._measured.step() if self._measured else None
        if seen is None:
            return False
        self._write("desktops", seen)
        self._measured = None
        return True

    @staticmethod
    def _signed_in(eyes: Eyes) -> frozenset[int]:
        try:
            return eyes.signed_in()
        except OSError:
            return frozenset()

    def _write(self, name: str, what: Any) -> None:
        seen = self._machine.notebook.setdefault("seen", {})
        seen[name] = [*seen.get(name, []), what][-_MOST_KEPT:]


class _Measuring:
    """The measure of one desktop, by the clock that leaves out sleep."""

    def __init__(self, machine: Machine, desktop_at: float) -> None:
        self._machine, self._desktop_at = machine, desktop_at
        self._quiet = Quiet()
        self._awake, self._began = machine.awake(), machine.awake() - (machine.wall() - desktop_at)
        self._idle, self._total = read_times(machine)

    def step(self) -> Seen | None:
        awake, (idle, total) = self._machine.awake(), read_times(self._machine)
        if total <= self._total:
            return None
        quiet = self._quiet.see(self._awake, awake, busy=1 - (idle - self._idle) / (total - self._total))
        self._awake, self._idle, self._total = awake, idle, total
        if quiet is not None:
            return Seen(self._desktop_at, self._desktop_at + max(0.0, quiet - self._began), at_least=False)
        if awake - self._began >= _MOST_SECONDS:
            return Seen(self._desktop_at, self._desktop_at + _MOST_SECONDS, at_least=True)
        return None


def eyes_of(machine: Machine) -> Eyes | None:
    """What the timer looks through on this system."""
    if machine.system == "windows":
        from muster_agent.sources.windows.sessions import WindowsEyes

        return WindowsEyes(machine)
    if machine.system == "macos":
        from muster_agent.sources.macos.starts import MacEyes

        return MacEyes(machine)
    from muster_agent.sources.logind import LinuxEyes, runs

    return LinuxEyes(machine) if runs(machine) else None
