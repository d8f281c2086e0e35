"""What a person sees: sign-in screens and desktops, as the running processes tell. Names of persons are not read."""

from __future__ import annotations

import re

import psutil

from muster_agent.machine import Machine
from muster_agent.sources.windows import EVERYONE, MACHINE

_SCREEN = "logonui.exe"
_SHELL = re.compile(r"([^\\/:*?\"<>|,]+\.exe)", re.IGNORECASE)
_LOGON = r"Software\Microsoft\Windows NT\CurrentVersion\Winlogon"
_POLICY = r"Software\Microsoft\Windows\CurrentVersion\Policies\System"


class WindowsEyes:
    """The timer's eyes on Windows."""

    def __init__(self, machine: Machine) -> None:
        """Sees through the calls of `machine.windows`."""
        self._machine = machine

    def signed_in(self) -> frozenset[int]:
        """The sessions in which somebody is signed in; raises OSError."""
        return self._machine.windows.signed_in()

    def screen_at(self, since: float) -> float | None:
        """When the first sign-in screen after `since` was shown."""
        return self._earliest(frozenset((_SCREEN,)), session=None, since=since)

    def desktop_at(self, session: int) -> float | None:
        """When the shell that is configured for this device began in a session, be it Explorer or a kiosk's."""
        return self._earliest(read_shells(self._machine), session=session, since=0.0)

    def _earliest(self, names: frozenset[str], *, session: int | None, since: float) -> float | None:
        try:
            running = self._machine.windows.processes()
        except OSError:
            return None
        found = []
        for process in running:
            if process.name.lower() in names and session in (None, process.session):
                try:
                    found.append(float(self._machine.ps.Process(process.pid).create_time()))
                except (psutil.Error, OSError):
                    continue  # gone since
        return min((at for at in found if at >= since), default=None)


def read_shells(machine: Machine) -> frozenset[str]:
    """The programs that may be the desktop here, in small letters: Windows' own, the device's and loaded profiles'."""
    found = {"explorer.exe", *parse_shells(machine.windows.values(rf"{MACHINE}\{_LOGON}").get("Shell"))}
    for person in machine.windows.subkeys(EVERYONE):
        for place in (_LOGON, _POLICY):
            found |= parse_shells(machine.windows.values(rf"{EVERYONE}\{person}\{place}").get("Shell"))
    return frozenset(found)


def parse_shells(value: object) -> set[str]:
    """The base names of the programs in a Shell value, which holds one or more command lines."""
    return {name.strip().lower() for name in _SHELL.findall(value)} if isinstance(value, str) else set()
