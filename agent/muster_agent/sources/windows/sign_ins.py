"""Sign-ins of a Windows device: how long from credentials accepted to a desktop, and what took the time.

Enters: a machine whose notebook says what was told. Leaves: what is new, as the wire's section `sign_ins`. The profile
service notes each sign-in with its session; the other logs are read around it. No account, SID or folder is kept, and
a sign-in of which nothing was timed is none: it would only say when somebody came to work.
"""

from __future__ import annotations

import json
import os
from typing import Any

from muster_agent.machine import Machine, instant
from muster_agent.sources.machine_id import keyed_hash
from muster_agent.sources.news import news
from muster_agent.sources.windows import MACHINE, LogError
from muster_agent.sources.windows.events import Event, whole
from muster_agent.sources.windows.logs import newest_record, read_events

_LOGON = "Microsoft-Windows-Winlogon/Operational"
_PROFILE = "Microsoft-Windows-User Profile Service/Operational"
_POLICY = "Microsoft-Windows-GroupPolicy/Operational"
_SHELL = "Microsoft-Windows-Shell-Core/Operational"
_SESSIONS = "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"
_TASKS = " and EventData[Data[@Name='TaskName']='AllLogonTasks']"
_QUERIES = {
    _PROFILE: "*[System[(EventID=1 or EventID=2 or EventID=67) and EventRecordID>{after}]]",
    _LOGON: "*[System[(EventID=1 or EventID=2) and EventRecordID>{after}]]",
    _POLICY: "*[System[EventID=8001 and EventRecordID>{after}]]",
    _SHELL: f"*[System[(EventID=62170 or EventID=62171) and EventRecordID>{{after}}]{_TASKS}]",
    _SESSIONS: "*[System[(EventID=21 or EventID=25) and EventRecordID>{after}]]",
}
_LOGON_KEY = rf"{MACHINE}\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon"
_SETTLE_SECONDS = 3_600.0  # the slowest sign-in is told to its end within this
_NEAR_SECONDS = 60.0
_MOST_SECONDS = 2_700.0
_FIRST_SIGN_IN = 0x2  # of Shell-Core's LogonType, in real records with the first-sign-in setup alone
_MOST_SIGN_INS, _MOST_EVENTS = 100, 600


def read_sign_ins(machine: Machine) -> list[dict[str, Any]]:
    """What is new of any sign-in; empty while nobody signed in. Raises LogError when the log may not be read."""
    page = machine.notebook.setdefault("sign_ins", {"salt": os.urandom(16).hex(), "first_at": machine.wall()})
    read = page.setdefault("read", {"told": {}, "positions": {}, "gate": None, "busy_until": 0.0})
    desktops = machine.notebook.get("seen", {}).get("desktops", [])
    gate = [newest_record(machine, _PROFILE), json.dumps(desktops[-1:])]
    if gate != read["gate"]:
        read.update(gate=gate, busy_until=machine.elapsed() + _SETTLE_SECONDS)
    if machine.elapsed() > read["busy_until"]:
        return []
    events = {channel: _read(machine, read["positions"], channel=channel) for channel in _QUERIES}
    alone = str(machine.windows.values(_LOGON_KEY).get("AutoAdminLogon")) == "1"
    found = []
    for noted, sign_in in sign_ins_of(events, desktops, automatic=alone):
        named = f"sign-in:{page['salt']}:{noted.record}:{noted.at}"
        known = {"sign_in_id": keyed_hash(named)[:32], "before_agent": noted.at < page["first_at"]}
        found.append({**known, **sign_in})
    return news(read["told"], found, name="sign_in_id")[-_MOST_SIGN_INS:]


def _read(machine: Machine, positions: dict[str, Any], *, channel: str) -> list[Event]:
    """The events of the last hour or two, so that a sign-in is seen whole however it falls between two reports."""
    after, until, since = positions.get(channel, (0, 0, machine.elapsed()))
    try:
        if not 0 <= machine.elapsed() - since < _SETTLE_SECONDS:
            after, until, since = until, newest_record(machine, channel), machine.elapsed()
        positions[channel] = [after, until or newest_record(machine, channel), since]
        return read_events(machine, (channel, _QUERIES[channel]), after=after, most=_MOST_EVENTS)
    except LogError as error:
        if channel == _PROFILE:
            raise
        machine.remarks.append(str(error.strerror))
        return []


def sign_ins_of(
    events: dict[str, list[Event]], desktops: list[Any], *, automatic: bool
) -> list[tuple[Event, dict[str, Any]]]:
    """(the profile service's note, sign-in as the wire has it) of each sign-in of which something was timed. Pure."""
    noted = [event for event in events[_PROFILE] if event.id == 1 and whole(event.data.get("Session"))]
    found = []
    for place, event in enumerate(noted):
        after = noted[place + 1].at if place + 1 < len(noted) else float("inf")
        around = _Around(events, event, until=min(after, event.at + _MOST_SECONDS))
        timed = {**around.parts(), **around.marks(desktops)}
        if timed:
            kind = around.kind(automatic=automatic)
            found.append((event, {"at": instant(around.accepted_at), "kind": kind, **timed}))
    return found


class _Around:
    """The records that belong to one sign-in."""

    def __init__(self, events: dict[str, list[Event]], noted: Event, *, until: float) -> None:
        self._events, self._noted, self._until = events, noted, until
        self._session = noted.data.get("Session")
        checked = [e for e in events[_LOGON] if e.id == 2 and 0 <= noted.at - e.at <= _NEAR_SECONDS]
        self._accepted = next((e for e in reversed(checked) if e.data.get("Win32Status") == "0"), None)
        self.accepted_at = self._accepted.at if self._accepted else noted.at
        self._shell = self._first(_SHELL, 62170)
        self._ready = next(
            (e for e in self._all(_SHELL, 62171) if self._shell and e.process == self._shell.process), None
        )

    def kind(self, *, automatic: bool) -> str:
        """Which population it belongs to; "cached" is the ordinary one, of a profile that is on the device already."""
        if any(e.data.get("Address", "").upper() not in ("", "LOCAL") for e in self._near(_SESSIONS, "SessionID")):
            return "remote"
        kind_of_logon = whole(self._shell.data.get("LogonType")) if self._shell else None
        if kind_of_logon is not None and kind_of_logon & _FIRST_SIGN_IN:
            return "first"
        if automatic:
            return "automatic"
        profile = next((e for e in self._all(_PROFILE, 67)), None)
        if profile is not None and profile.data.get("ProfileType", "").lower().startswith("roam"):
            return "roaming"
        return "unknown" if kind_of_logon is None else "cached"

    def parts(self) -> dict[str, float]:
        """What took time: they overlap, and do not add up."""
        done = next((e for e in self._all(_PROFILE, 2) if e.data.get("Session") == self._session), None)
        policies = (e for e in self._all(_POLICY, 8001) if e.data.get("IsMachine", "").lower() in ("false", "0"))
        policy = next((whole(e.data.get("PolicyElaspedTimeInSeconds")) for e in policies), None)
        asked = [e for e in self._events[_LOGON] if e.id == 1 and self._accepted and e.record < self._accepted.record]
        found = {
            "authentication_seconds": self._accepted.at - asked[-1].at if self._accepted and asked else None,
            "profile_seconds": done.at - self._noted.at if done else None,
            "policy_seconds": policy,
            "shell_seconds": self._ready.at - self._shell.at if self._ready and self._shell else None,
        }
        return {name: round(s, 3) for name, s in found.items() if s is not None and 0 <= s <= _MOST_SECONDS}

    def marks(self, desktops: list[Any]) -> dict[str, Any]:
        """`to_desktop_seconds` and `to_usable_seconds` from credentials accepted."""
        seen = next((found for found in desktops if self.accepted_at <= found[0] < self._until), None)
        shown = self._ready.at if self._ready else seen[0] if seen else None
        if shown is None or not 0 <= shown - self.accepted_at <= _MOST_SECONDS:
            return {}
        quality = "estimated" if self._ready else "own"
        marks = {"to_desktop_seconds": round(shown - self.accepted_at, 3), "to_desktop_quality": quality}
        if seen is None or seen[1] is None:
            return marks
        usable = {"to_usable_seconds": round(max(seen[1], shown) - self.accepted_at, 3)}
        return {**marks, **usable, **({"lower_bounds": ["to_usable"]} if seen[2] else {})}

    def _all(self, channel: str, number: int) -> list[Event]:
        return [e for e in self._events[channel] if e.id == number and self.accepted_at <= e.at < self._until]

    def _first(self, channel: str, number: int) -> Event | None:
        return next(iter(self._all(channel, number)), None)

    def _near(self, channel: str, name: str) -> list[Event]:
        near = [e for e in self._events[channel] if abs(e.at - self._noted.at) <= _NEAR_SECONDS]
        return [e for e in near if e.data.get(name) == self._session]
