"""That somebody signed in to a desktop of this device, as systemd-logind notes it; never who.

Enters: /run/systemd/sessions, one file a session, and the desktop's process. Leaves: instants and a kind. Names of
people are not read; the number of an account is compared with that of a process, and kept nowhere.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from muster_agent.machine import Machine, instant
from muster_agent.sources.machine_id import keyed_hash
from muster_agent.sources.news import news
from muster_agent.sources.plain import whole_number

_SESSIONS = "/run/systemd/sessions"
_FIELDS = ("UID", "CLASS", "TYPE", "REMOTE", "SERVICE", "REALTIME", "MONOTONIC")
_DESKTOPS = ("x11", "wayland", "mir")
# The program that draws a desktop, by the first 15 letters that the kernel keeps.
_SHELLS = frozenset((
    "gnome-shell", "plasmashell", "xfdesktop", "cinnamon", "mate-panel", "lxqt-panel", "lxpanel", "budgie-panel",
    "cosmic-panel", "dde-desktop", "gala", "unity", "enlightenment", "sway", "i3", "Hyprland",
))  # fmt: skip
_TICKS = 100  # USER_HZ: clock ticks a second as /proc counts them on every architecture that Linux runs desktops on
_MOST_MICRO = 10**16
_MOST_SECONDS = 2_700.0
_MOST_KEPT, _MOST_SIGN_INS = 40, 100
_NEVER_SLEPT_SECONDS = 1.0


class Session(NamedTuple):
    """A person's session with a desktop. `number` tells it from others: the microsecond in which it began."""

    number: int
    monotonic: int
    account: int
    kind: str


def runs(machine: Machine) -> bool:
    """Whether logind runs here."""
    return machine.exists(_SESSIONS)


def parse_session(text: str) -> Session | None:
    """A session, None when it is nobody's, has no desktop, or makes no sense."""
    pairs = (line.partition("=") for line in text.splitlines())
    found = {name: value for name, _, value in pairs if name in _FIELDS}
    account, began = whole_number(found.get("UID"), 2**32), whole_number(found.get("REALTIME"), _MOST_MICRO)
    if found.get("CLASS") != "user" or found.get("TYPE") not in _DESKTOPS or account is None or not began:
        return None
    alone = found.get("SERVICE", "").endswith("autologin")
    kind = "remote" if found.get("REMOTE") == "1" else "automatic" if alone else "unknown"
    return Session(began, whole_number(found.get("MONOTONIC"), _MOST_MICRO) or 0, account, kind)


class LinuxEyes:
    """The timer's eyes on Linux."""

    def __init__(self, machine: Machine) -> None:
        """Sees through `machine` alone."""
        self._machine = machine
        self._changed_at: float | None = None
        self._sessions: dict[int, Session] = {}

    def signed_in(self) -> frozenset[int]:
        """The sessions with a desktop, by their numbers."""
        changed_at = self._machine.changed_at(_SESSIONS)
        if changed_at != self._changed_at:
            self._changed_at = changed_at
            names = (name for name in self._machine.names_in(_SESSIONS) if "." not in name)
            texts = (self._machine.read_or_none(f"{_SESSIONS}/{name}") for name in names)
            sessions = (parse_session(text) for text in texts if text)
            self._sessions = {session.number: session for session in sessions if session is not None}
            self._note()
        return frozenset(self._sessions)

    def screen_at(self, since: float) -> float | None:
        """Never: systemd itself tells when the sign-in screen was ready."""
        del since
        return None

    def desktop_at(self, session: int) -> float | None:
        """When the program that draws the desktop began, for the account of this session."""
        known = self._sessions.get(session)
        if known is None:
            return None
        began = self._machine.wall() - self._machine.elapsed()
        shown = [began + age for age in _shells_of(self._machine, known.account)]
        return min((at for at in shown if at >= _accepted_at(self._machine, known) - 1), default=None)

    def _note(self) -> None:
        """Write new sessions down, for the collectors of starts and sign-ins."""
        seen = self._machine.notebook.setdefault("seen", {})
        noted = seen.get("sign_ins", [])
        fresh = [s for s in self._sessions.values() if all(s.number != number for _, _, number in noted)]
        noted += [[_accepted_at(self._machine, session), session.kind, session.number] for session in fresh]
        seen["sign_ins"] = sorted(noted)[-_MOST_KEPT:]


def _accepted_at(machine: Machine, session: Session) -> float:
    """When the session began, by the clock as it is now; it may have been set since, unless the device slept."""
    never_slept = machine.elapsed() - machine.awake() < _NEVER_SLEPT_SECONDS
    if session.monotonic and never_slept:
        return machine.wall() - machine.awake() + session.monotonic / 1e6
    return session.number / 1e6


def _shells_of(machine: Machine, account: int) -> list[float]:
    """When an account's desktop programs began, in seconds since the kernel's start."""
    found = []
    for pid in machine.names_in("/proc"):
        if not pid.isdigit() or machine.read_or_none(f"/proc/{pid}/comm") not in _SHELLS:
            continue
        began = parse_began(machine.read_or_none(f"/proc/{pid}/stat") or "")
        if began is not None and parse_account(machine.read_or_none(f"/proc/{pid}/status") or "") == account:
            found.append(began)
    return found


def parse_began(stat: str) -> float | None:
    """A process's begin in seconds since the kernel's start (proc_pid_stat(5): field 22, behind the name)."""
    rest = stat.rpartition(")")[2].split()
    ticks = whole_number(rest[19], _MOST_MICRO) if len(rest) > 19 else None
    return None if ticks is None else ticks / _TICKS


def parse_account(status: str) -> int | None:
    """The number of the account that a process runs for."""
    numbers = status.partition("\nUid:")[2].split()
    return whole_number(numbers[0], 2**32) if numbers else None


def read_sign_ins(machine: Machine) -> list[dict[str, Any]] | None:
    """What is new of any sign-in; None where logind does not run.

    One of which nothing was timed is none: it would only say when somebody came to work.
    """
    if not runs(machine):
        return None
    page = machine.notebook.setdefault("sign_ins", {"salt": os.urandom(16).hex()})
    read = page.setdefault("read", {"told": {}})
    seen = machine.notebook.get("seen", {})
    found = sign_ins_of(seen.get("sign_ins", []), seen.get("desktops", []), salt=page["salt"])
    return news(read["told"], found, name="sign_in_id")[-_MOST_SIGN_INS:]


def sign_ins_of(noted: list[Any], desktops: list[Any], *, salt: str) -> list[dict[str, Any]]:
    """Sign-ins as the wire has them, out of the sessions noted and the desktops timed. Pure."""
    found = []
    for place, (accepted_at, kind, number) in enumerate(noted):
        until = noted[place + 1][0] if place + 1 < len(noted) else accepted_at + _MOST_SECONDS
        near = (d for d in desktops if accepted_at - 1 <= d[0] < min(until, accepted_at + _MOST_SECONDS))
        shown = next(near, None)
        if shown is None:
            continue
        sign_in: dict[str, Any] = {
            "sign_in_id": keyed_hash(f"sign-in:{salt}:{number}")[:32],
            "at": instant(accepted_at),
            "kind": kind,
            "to_desktop_seconds": round(max(0.0, shown[0] - accepted_at), 3),
            "to_desktop_quality": "own",
        }
        if shown[1] is not None:
            sign_in["to_usable_seconds"] = round(max(0.0, shown[1] - accepted_at), 3)
            sign_in["lower_bounds"] = ["to_usable"] if shown[2] else []
        found.append(sign_in)
    return found
