"""Windows' own measure of its starts: event 100 of Diagnostics-Performance, and 101 to 110 for what was slow. Pure.

Enters: events. Leaves: `Measured` starts in seconds, and culprits by the start they belong to. Formulas: the sums below
hold within 3 ms in real records; a record in which they do not hold is damaged, and no figure is made of it. Never
computed from BootEndTime, which comes after however long the PC waited for a person.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from muster_agent.sources.windows.events import Event, base_name, milliseconds, parse_instant

CHANNEL = "Microsoft-Windows-Diagnostics-Performance/Operational"
QUERY = "*[System[EventID>=100 and EventID<=110 and EventRecordID>{after}]]"

_TOLERANCE_MS = 3
_LEAST_CULPRIT_SECONDS = 1.0
_MOST_CULPRITS = 10
# Event id → kind on the wire, and what it is called when it has no name of its own.
_CULPRITS = {
    101: ("application", "a program"),
    102: ("driver", "a driver"),
    103: ("service", "a service"),
    104: ("other", "the system"),
    105: ("other", "the system"),
    106: ("other", "background optimisation"),
    107: ("policy", "computer policy"),
    108: ("policy", "user policy"),
    109: ("device", "a device"),
    110: ("other", "the session manager"),
}
# Kernel and devices, services and session, rest of the sign-in, policies and profiles, shell: all of MainPathBootTime.
_PHASES = {
    "kernel_seconds": "SessionInitStartTimeMS",
    "session_seconds": "BootSmssInitTime",
    "sign_in_other_seconds": "OtherLogonInitActivityDuration",
    "machine_policy_seconds": "BootMachineProfileProcessingTime",
    "user_policy_seconds": "BootUserProfileProcessingTime",
    "shell_seconds": "BootExplorerInitTime",
}


class Measured(NamedTuple):
    """One event 100. `key` is BootStartTime as written, which 101 to 110 carry too; `zero` the same since 1970."""

    key: str
    zero: float
    record: int
    found: dict[str, Any]  # marks, phases and after_update, as the wire names them


def parse_start(event: Event) -> Measured | None:
    """The start in an event 100; None when it is another event, or damaged."""
    zero = parse_instant(event.data.get("BootStartTime"))
    total, main, post = (milliseconds(event, n) for n in ("BootTime", "MainPathBootTime", "BootPostBootTime"))
    if event.id != 100 or zero is None or not total or not main or post is None:
        return None
    if abs(total - main - post) > _TOLERANCE_MS:
        return None
    found: dict[str, Any] = {
        "to_desktop_seconds": main / 1000,
        "to_desktop_quality": "measured",
        "to_settled_seconds": total / 1000,
        "to_settled_quality": "measured",
        "settling_seconds": post / 1000,
        "after_update": event.data.get("BootIsRebootAfterInstall") == "true",
        **_phases(event, main),
    }
    screen, loader = milliseconds(event, "WinLogonStartTimeMS"), milliseconds(event, "OSLoaderDuration")
    if screen and screen <= main:
        found.update(to_sign_in_seconds=screen / 1000, to_sign_in_quality="measured")
    if loader:
        found["loader_seconds"] = loader / 1000
    return Measured(event.data["BootStartTime"], zero, event.record, found)


def _phases(event: Event, main: int) -> dict[str, float]:
    """Phases that add up to `main`; none where they do not, as in version 1 of the event."""
    parts = {phase: milliseconds(event, name) for phase, name in _PHASES.items()}
    known = {phase: value for phase, value in parts.items() if value is not None}
    whole = len(known) == len(parts) and abs(sum(known.values()) - main) <= 2 * _TOLERANCE_MS
    return {phase: value / 1000 for phase, value in known.items()} if whole else {}


def parse_culprit(event: Event) -> tuple[str, dict[str, Any]] | None:
    """(StartTime as written, culprit) of an event 101 to 110; None when it is another, or damaged."""
    total = milliseconds(event, "TotalTime")
    if event.id not in _CULPRITS or total is None or not event.data.get("StartTime"):
        return None
    kind, unnamed = _CULPRITS[event.id]
    # The name of a device may be its serial number.
    name = base_name(event.data.get("FriendlyName" if kind == "device" else "Name"))
    return event.data["StartTime"], {"name": name or unnamed, "kind": kind, "seconds": total / 1000}


def culprits_of(events: list[Event]) -> dict[str, list[dict[str, Any]]]:
    """The culprits of each start, by its StartTime: what took a second or more, each once, the slowest first."""
    slow: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for event in events:
        parsed = parse_culprit(event)
        if parsed is not None and parsed[1]["seconds"] >= _LEAST_CULPRIT_SECONDS:
            key, culprit = parsed
            known = slow.setdefault(key, {})
            what = (culprit["kind"], culprit["name"])
            known[what] = max(culprit, known.get(what, culprit), key=_slowness)
    return {key: sorted(known.values(), key=_slowness, reverse=True)[:_MOST_CULPRITS] for key, known in slow.items()}


def _slowness(culprit: dict[str, Any]) -> tuple[float, str]:
    return (culprit["seconds"], culprit["name"])
