"""What people and deployment tools are told: every line to the log, changes to the event log, a status to the registry.

Pure: the three are given, so that what is told when is tested on any system.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

from muster_agent import __version__
from muster_agent.telling import Kind

Level = Literal["information", "warning", "error"]
Own = Literal["started", "stopped", "folder", "not-ready", "failed"]  # what the service itself has to tell


class Event(NamedTuple):
    """An entry of the Application log: its id, which never changes its meaning, and its level."""

    number: int
    level: Level


EVENTS: dict[Kind | Own, Event] = {
    "started": Event(100, "information"),
    "stopped": Event(101, "information"),
    "enrolled": Event(110, "information"),
    "refused": Event(111, "error"),
    "accepted": Event(120, "information"),
    "unreachable": Event(121, "warning"),
    "trouble": Event(122, "warning"),
    "folder": Event(130, "warning"),
    "disk": Event(131, "error"),
    "not-ready": Event(140, "error"),
    "failed": Event(141, "error"),
}
# Of these, each is told to the event log when it begins, not every time.
_LASTING: tuple[Kind | Own, ...] = ("accepted", "unreachable", "trouble", "refused", "not-ready", "disk")
_ENROL_STATE: dict[Kind | Own, str] = {"enrolled": "enrolled", "accepted": "enrolled", "refused": "refused"}
_FAULTS: tuple[Kind | Own, ...] = ("refused", "unreachable", "trouble", "disk", "not-ready", "failed")


class Places(Protocol):
    """Where news goes."""

    def log(self, line: str) -> None:
        """One line for the log."""

    def report(self, event: Event, line: str) -> None:
        """One entry for the event log."""

    def status(self, name: str, value: str) -> None:
        """One value for deployment tools."""


class News:
    """Hears what happens, and tells each place what belongs there."""

    def __init__(self, places: Places, device_id: Callable[[], str | None]) -> None:
        """`device_id` gives what the server calls this device, if it does."""
        self._places, self._device_id = places, device_id
        self._lasting: Kind | Own | None = None

    def began(self) -> None:
        """The agent can begin."""
        self._places.status("EnrolState", "enrolled" if self._tell_device() else "waiting")
        self._places.status("LastError", "")
        self.tell("started", f"Muster agent {__version__} started.")

    def tell(self, kind: Kind | Own, line: str) -> None:
        """Something happened; `line` says what, for people; that of `accepted` is the instant."""
        if kind == "accepted":
            self._places.status("LastAcceptedReport", line)
            line = "The server has this device's reports."
        if kind == "enrolled":
            self._tell_device()
        if kind in _ENROL_STATE:
            self._places.status("EnrolState", _ENROL_STATE[kind])
        if kind in _FAULTS or kind in _ENROL_STATE:
            self._places.status("LastError", line if kind in _FAULTS else "")
        again = kind == self._lasting
        if kind in _LASTING:
            self._lasting = kind
        if not again:
            self._places.report(EVENTS[kind], line)
        if not again or kind in _FAULTS:
            self._places.log(line)

    def _tell_device(self) -> str | None:
        device_id = self._device_id()
        self._places.status("DeviceId", device_id or "")
        return device_id
