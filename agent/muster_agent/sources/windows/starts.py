"""The starts of a Windows device: what its logs and the agent's own timer know of each, joined.

Enters: a machine whose notebook says what was told. Leaves: what is new, as the wire's section `starts`; in the first
run, what the logs still hold of the time before the agent. A start keeps the id it first had: later records join the
start whose zero lies within 60 s.
"""

from __future__ import annotations

import json
from typing import Any

from muster_agent.machine import Machine, instant
from muster_agent.sources.machine_id import keyed_hash
from muster_agent.sources.news import news
from muster_agent.sources.seen import own_marks, seen_between
from muster_agent.sources.windows import MACHINE, LogError, performance, system_log
from muster_agent.sources.windows.events import Event
from muster_agent.sources.windows.logs import newest_record, read_events
from muster_agent.sources.windows.performance import Measured
from muster_agent.sources.windows.system_log import Boot

SHELL_CHANNEL = "Microsoft-Windows-Shell-Core/Operational"
SHELL_QUERY = (
    "*[System[(EventID=62170 or EventID=62171) and EventRecordID>{after}]"
    " and EventData[Data[@Name='TaskName']='AllLogonTasks']]"
)
_TASKS_DONE = 62171
_LOGON_KEY = rf"{MACHINE}\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon"
_POST_KEY = rf"{MACHINE}\SYSTEM\CurrentControlSet\Control\Session Manager\Power"
_BITLOCKER_KEY = rf"{MACHINE}\SOFTWARE\Policies\Microsoft\FVE"
_MOST_STARTS, _MOST_KNOWN, _MOST_EVENTS = 400, 48, 3_000
TWIN_SECONDS, LATE_SECONDS = 60.0, 600.0  # within which records are of one start; of a thaw, which is noted late


def read_starts(machine: Machine) -> list[dict[str, Any]]:
    """What is new of any start; empty while nothing happened. Raises LogError when neither log can be read."""
    page = machine.notebook.setdefault("starts", {"first_at": machine.wall(), "known": []})
    read = page.setdefault("read", {"told": {}, "after": {}, "done": 0, "gate": None})
    gate = _gate(machine)
    if gate == read["gate"]:
        return []
    events, troubles = {}, []
    for channel, query in (
        (system_log.CHANNEL, system_log.QUERY),
        (performance.CHANNEL, performance.QUERY),
        (SHELL_CHANNEL, SHELL_QUERY),
    ):
        try:
            events[channel] = read_events(
                machine, (channel, query), after=read["after"].get(channel, 0), most=_MOST_EVENTS
            )
        except LogError as error:
            troubles.append(error)
    if system_log.CHANNEL not in events and performance.CHANNEL not in events:
        raise troubles[0]
    if system_log.CHANNEL not in events:
        machine.remarks.append(str(troubles[0].strerror))
    starts = _Joined(machine, page).of(events)
    read["gate"] = gate
    return news(read["told"], starts, name="start_id")[-_MOST_STARTS:]


def is_over(machine: Machine) -> bool:
    """Whether this kernel's start is over: somebody has a desktop that was timed, or was there too early to be."""
    since = machine.wall() - machine.elapsed()
    return any(desktop[0] >= since for desktop in machine.notebook.get("seen", {}).get("desktops", ()))


def _gate(machine: Machine) -> list[Any]:
    """Changes whenever there may be something new; the System log is long, and read only then.

    Remarks which of the others cannot be read.
    """
    newest: list[Any] = []
    for channel in (performance.CHANNEL, SHELL_CHANNEL):
        try:
            newest.append(newest_record(machine, channel))
        except LogError as error:
            newest.append(error.strerror)
            machine.remarks.append(str(error.strerror))
    asleep = machine.elapsed() - machine.awake()
    seen = [notes[-1] for notes in machine.notebook.get("seen", {}).values() if notes]
    return [*newest, round(machine.wall() - machine.elapsed(), -3), round(asleep, -2), json.dumps(seen)]


class _Joined:
    """Everything known of the starts in a stretch of the logs, put together."""

    def __init__(self, machine: Machine, page: dict[str, Any]) -> None:
        self._machine, self._page, self._read = machine, page, page["read"]
        self._known: list[Any] = page["known"]  # [zero, kind, start_id] of each start, as they became known
        windows = machine.windows
        post = windows.values(_POST_KEY).get("FwPOSTTime")
        self._post_ms = post if isinstance(post, int) else None
        policy = windows.values(_BITLOCKER_KEY)  # without it Windows lets nobody set a PIN
        self._pin = any(policy.get(name) in (1, 2) for name in ("UseTPMPIN", "UseTPMKeyPIN"))
        self._alone = str(windows.values(_LOGON_KEY).get("AutoAdminLogon")) == "1"

    def of(self, events: dict[str, list[Event]]) -> list[dict[str, Any]]:
        """The starts, oldest first; the positions on the page move on."""
        records = events.get(performance.CHANNEL, [])
        self._boots = system_log.boots_of(events.get(system_log.CHANNEL, []))
        self._culprits = performance.culprits_of(records)
        self._ready = [event.at for event in events.get(SHELL_CHANNEL, []) if event.id == _TASKS_DONE]
        measured = [found for found in map(performance.parse_start, records) if found is not None]
        fresh = {self._id_of(boot.kind, boot.zero, named_at=boot.named_at): boot for boot in self._fresh_boots()}
        timed = {self._id_for(start): start for start in measured}
        ordered = sorted(known for known in self._known if known[2] in fresh or known[2] in timed)
        starts = [self._start(known, boot=fresh.get(known[2]), start=timed.get(known[2])) for known in ordered]
        self._advance(measured, records)
        return starts

    def _fresh_boots(self) -> list[Boot]:
        """Those behind the last one that was told; all, when the log was cleared."""
        done = self._read["done"]
        if self._boots and self._boots[-1].record < done:
            return self._boots
        return [boot for boot in self._boots if boot.record > done]

    def _id_of(self, kind: str, zero: float, *, named_at: float) -> str:
        """The id that a start of this kind within 60 s already has, or a new one of the second that names it."""
        near = [known for known in self._known if known[1] == kind and abs(known[0] - zero) <= TWIN_SECONDS]
        if near:
            return str(min(near, key=lambda known: abs(known[0] - zero))[2])
        start_id = keyed_hash(f"start:{kind}:{instant(int(named_at))}")[:32]
        self._known.append([zero, kind, start_id])
        return start_id

    def _id_for(self, start: Measured) -> str:
        """The id of the start that an event 100 measured: the nearest known one, else one of an unknown kind."""
        far = [(abs(known[0] - start.zero), known[1], known[2]) for known in self._known]
        near = [(apart, start_id) for apart, _, start_id in far if apart <= TWIN_SECONDS]
        late = [(apart, i) for apart, kind, i in far if kind in ("fast_startup", "resume") and apart <= LATE_SECONDS]
        if near or late:
            return str(min(near or late)[1])
        return self._id_of("unknown", start.zero, named_at=start.zero)

    def _start(self, known: list[Any], *, boot: Boot | None, start: Measured | None) -> dict[str, Any]:
        zero, kind, start_id = known
        found = dict(start.found) if start else {}
        loader = found.pop("loader_seconds", None)
        if boot is not None:
            place = self._boots.index(boot)
            post = self._post_ms if place == len(self._boots) - 1 else None
            updated = found.get("after_update", False) or system_log.after_update(boot, self._boots[:place])
            found = {**system_log.estimated(boot), **found, **system_log.stop_before(boot), "after_update": updated}
            found |= system_log.before_zero(boot, post_ms=post, loader_seconds=loader, pin=self._pin)
        elif loader is not None and not self._pin:
            found["loader_seconds"] = loader
        return {
            "start_id": start_id,
            "kind": kind,
            "zero_at": instant(zero),
            "before_agent": zero < self._page["first_at"],
            "culprits": self._culprits.get(start.key, []) if start else [],
            **found,
            **self._own(found, zero, boot=boot),
        }

    def _own(self, found: dict[str, Any], zero: float, *, boot: Boot | None) -> dict[str, Any]:
        until = min((known[0] for known in self._known if known[0] > zero + TWIN_SECONDS), default=float("inf"))
        accepted = system_log.first_sign_in(boot) if boot else None
        notes = self._machine.notebook.get("seen", {})
        seen = seen_between(zero, until, notes=notes, log=(accepted, self._ready))
        return own_marks(found, seen, signs_in_alone=self._alone)

    def _advance(self, measured: list[Measured], records: list[Event]) -> None:
        """Keep the newest start of each log within what is read the next time; what is older has been told."""
        after = self._read["after"]
        if len(self._boots) > 1:
            self._read["done"] = self._boots[-2].record
            after[system_log.CHANNEL] = max(0, self._boots[-2].record - system_log.BATCH_RECORDS)
        if measured:
            newest = max(measured, key=lambda start: start.record)
            of_it = [event.record for event in records if event.data.get("StartTime") == newest.key]
            after[performance.CHANNEL] = min([newest.record, *of_it]) - 1
        self._page["known"] = sorted(self._known)[-_MOST_KNOWN:]
