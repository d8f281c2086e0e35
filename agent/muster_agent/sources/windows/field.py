"""What a real Windows says to the points that records alone leave open, with nothing of a person in it.

Enters: event logs and the registry. Leaves: records reduced to what Muster reads, and answers to open questions. What
may leave is chosen by its shape: numbers, booleans, instants, and base names of what slowed a start. Instants are
shifted, so that they tell how long things took and not when anybody came to work.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

from muster_agent.machine import Machine
from muster_agent.sources.windows import MACHINE, LogError, performance, system_log
from muster_agent.sources.windows.events import Event, base_name, parse_event, parse_instant
from muster_agent.sources.windows.starts import LATE_SECONDS, TWIN_SECONDS

LOGON_CHANNEL = "Microsoft-Windows-Winlogon/Operational"
CHANNELS = (
    system_log.CHANNEL, performance.CHANNEL, LOGON_CHANNEL, "Microsoft-Windows-Shell-Core/Operational",
    "Microsoft-Windows-User Profile Service/Operational", "Microsoft-Windows-GroupPolicy/Operational",
)  # fmt: skip
_POST_KEY = rf"{MACHINE}\SYSTEM\CurrentControlSet\Control\Session Manager\Power"
_CHANNELS_KEY = rf"{MACHINE}\SOFTWARE\Microsoft\Windows\CurrentVersion\WINEVT\Channels"
_SUBSCRIBERS = "*[System[EventID=811 or EventID=812]]"
_INSTANT = re.compile(r"\d{16,19}")  # a FILETIME: that it is there may leave, not when
_PLAIN = re.compile(r"-?\d{1,15}|0x[0-9a-fA-F]{1,16}|true|false", re.IGNORECASE)
_SDDL = re.compile(r"[A-Za-fx0-9:;()-]{1,1000}")
# A person may be called by a number, or a subscriber by a person: of these, what is known alone may leave.
_FIELDS = {"User32": ("param4",), "Microsoft-Windows-Winlogon": ("TSId",)}
_KNOWN_SUBSCRIBERS = frozenset(("GPClient", "Profiles", "Sens", "SessionEnv", "TermSrv", "TrustedInstaller"))
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{1,39}")
_PERSON = re.compile(r"S-1-\d+-\d+-\d+-\d+", re.IGNORECASE)  # a SID of an account, not of a group that every PC has
_ZERO = datetime(2001, 1, 1, tzinfo=timezone.utc).timestamp()  # noqa: UP017 - where shifted instants begin
_MOST_RECORDS = 3_000


def read(machine: Machine) -> dict[str, Any]:
    """`records` of starts, reduced and shifted, oldest first, and `answers` to the open points of this kind of device.

    A log that cannot be read brings no records, and is told as such.
    """
    system = _events(machine, system_log.CHANNEL, query=system_log.QUERY.format(after=0))
    measured = _events(machine, performance.CHANNEL, query=performance.QUERY.format(after=0))
    events = sorted((*system, *measured), key=lambda event: event.at)
    shift = _ZERO - events[0].at if events else 0.0
    told = {
        "channels": {channel: _channel(machine, channel) for channel in CHANNELS},
        "firmware_post_ms": _number(machine.windows.values(_POST_KEY).get("FwPOSTTime")),
        "winlogon_subscribers": _subscribers(machine),
    }
    return {
        "answers": {**told, **answers(system, measured)},
        "records": [reduced(event, shift) for event in events],
    }


def reduced(event: Event, shift: float) -> dict[str, Any]:
    """An event with what may leave alone; instants moved by `shift` seconds."""
    data = {name: value for key, text in event.data.items() if (name := _named(key)) and (value := _kept(text, shift))}
    if event.provider in _FIELDS:
        data = {name: value for name, value in data.items() if name in _FIELDS[event.provider]}
    if event.provider.endswith("Diagnostics-Performance") and event.id != 100:
        name = base_name(event.data.get("Name"))
        data.update({"Name": name} if name and event.id != 109 else {})
    return {"provider": event.provider, "id": event.id, "record": event.record, "at": event.at + shift, "data": data}


def restored(record: dict[str, Any]) -> Event:
    """The event that a record was made of, as far as it was kept."""
    return Event(record["provider"], record["id"], record["record"], record["at"], None, record["data"])


def answers(system: list[Event], measured: list[Event]) -> dict[str, Any]:
    """What records answer. Pure."""
    boots, hundreds = system_log.boots_of(system), [found for found in map(performance.parse_start, measured) if found]
    with_100 = [b for b in boots if any(abs(m.zero - b.zero) <= _near(b.kind) for m in hundreds)]
    kinds = sorted({boot.kind for boot in boots})
    return {
        "starts_by_kind": {kind: sum(boot.kind == kind for boot in boots) for kind in kinds},
        "starts_with_event_100": {kind: sum(boot.kind == kind for boot in with_100) for kind in kinds},
        "longest_event_100_seconds": max((m.found["to_settled_seconds"] for m in hundreds), default=None),
        "event_30": [_numbers(event) for event in system if event.id == 30 and "LoadOSImageStart" in event.data][-3:],
        "event_41_fields": sorted({n for e in system if e.id == 41 for n in e.data if _NAME.fullmatch(n)}),
    }


def _near(kind: str) -> float:
    return LATE_SECONDS if kind in ("fast_startup", "resume") else TWIN_SECONDS


def _channel(machine: Machine, channel: str) -> dict[str, Any]:
    about = machine.windows.values(rf"{_CHANNELS_KEY}\{channel}")
    access = about.get("ChannelAccess")
    try:
        oldest, newest = machine.windows.record_range(channel)
        told: dict[str, Any] = {"readable": True, "records": newest - oldest + 1 if newest else 0}
    except LogError as error:
        told = {"readable": False, "error": error.errno}
    shown = access if isinstance(access, str) and _SDDL.fullmatch(access) and not _PERSON.search(access) else None
    return {
        **told,
        "enabled": _number(about.get("Enabled")),
        "most_bytes": _number(about.get("MaxSize")),
        "access": shown,
    }


def _subscribers(machine: Machine) -> dict[str, int]:
    found: dict[str, int] = {}
    for event in _events(machine, LOGON_CHANNEL, query=_SUBSCRIBERS):
        name = event.data.get("SubscriberName", "")
        if event.id in (811, 812):
            told = name if name in _KNOWN_SUBSCRIBERS else "others"
            found[told] = found.get(told, 0) + 1
    return found


def _events(machine: Machine, channel: str, *, query: str) -> list[Event]:
    try:
        texts = machine.windows.events(channel, query, most=_MOST_RECORDS)
    except LogError:
        return []
    return [event for event in map(parse_event, texts) if event is not None]


def _named(key: str) -> str | None:
    return key if _NAME.fullmatch(key) or key.isdigit() else None


def _kept(text: str, shift: float) -> str | None:
    if _INSTANT.fullmatch(text):
        return "1"
    if _PLAIN.fullmatch(text):
        return text
    at = parse_instant(text)
    if at is None:
        return None
    return datetime.fromtimestamp(at + shift, tz=timezone.utc).isoformat(timespec="microseconds")  # noqa: UP017


def _numbers(event: Event) -> dict[str, int]:
    return {name: int(value) for name, value in event.data.items() if value.isdigit() and _NAME.fullmatch(name)}


def _number(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None
