"""One report into the facts of its device. Pure.

Enters: a stored report with its place on the server's time line. Leaves: changed `DeviceFacts`. A fact's own time is
the device's, moved by as much as the report was corrected, and never later than the report was received.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import msgspec

from muster_server.clock import HOUR_MS, day_of
from muster_server.encoding import canonical
from muster_server.fold import marks, minutes
from muster_server.fold.facts import KEPT_SECTIONS, DeviceFacts, Horizon
from muster_server.fold.marks import Row
from muster_server.ingest.decode import StoredReport
from muster_server.ingest.sections import SECTIONS, Battery, Disks, Software, Start, Use, UseHour
from muster_server.ingest.timing import EARLIEST_MS, parse_instant

_report = msgspec.json.Decoder(StoredReport)
_sections: dict[str, msgspec.json.Decoder[Any]] = {name: msgspec.json.Decoder(kind) for name, kind in SECTIONS.items()}


class Received(NamedTuple):
    """A row of `reports` that waits to be folded."""

    id: int
    device_id: int
    received_at: int
    corrected_at: int
    skew_ms: int | None
    clock_doubtful: int
    report: StoredReport
    content: dict[str, Any]  # section name -> its struct

    @property
    def shift_ms(self) -> int | None:
        """What to add to an instant of the device's clock; None when its clock cannot be believed."""
        collected_at = parse_instant(self.report.collected_at)
        return None if collected_at is None else self.corrected_at - collected_at


def read_body(body: bytes) -> tuple[StoredReport, dict[str, Any]]:
    """The report in a stored body, and its sections decoded; raises msgspec.DecodeError."""
    report = _report.decode(body)
    return report, {name: _sections[name].decode(raw) for name, raw in report.sections.items() if name in _sections}


def fold_report(facts: DeviceFacts, received: Received, *, horizon: Horizon) -> None:
    """Fold one report in."""
    content = received.content
    for start in content.get("starts", ()):
        _fold_start(facts, received, start=start, horizon=horizon)
    if "use" in content:
        _fold_use(facts, received, use=content["use"], horizon=horizon)
    for name in KEPT_SECTIONS:
        if name in content:
            _fold_section(facts, received, name=name, content=content[name])
    _fold_readings(facts, received, disks=content.get("disks"), battery=content.get("battery"))
    if "software" in content:
        _fold_software(facts, received, software=content["software"])
    _fold_state(facts, received)


def _fold_start(facts: DeviceFacts, received: Received, *, start: Start, horizon: Horizon) -> None:
    zero_at = _placed(start.zero_at, received)
    if zero_at < horizon.facts_from:
        facts.drops["starts_too_old"] += 1
        return
    row: Row = {"start_id": start.start_id, "zero_at": zero_at, "kind": start.kind}
    for mark in marks.MARKS:
        seconds = getattr(start, f"{mark}_seconds")
        row[f"{mark}_ms"] = _milliseconds(seconds)
        known = seconds is not None
        row[f"{mark}_quality"] = (getattr(start, f"{mark}_quality") or "own") if known else None
        row[f"{mark}_revision"] = getattr(start, f"{mark}_revision") if known else None
    for phase in marks.PHASES:
        row[phase] = _milliseconds(getattr(start, phase.replace("_ms", "_seconds")))
    row["before_agent"] = start.before_agent
    row["after_update"] = start.after_update
    row["culprits"] = canonical(start.culprits) if start.culprits else None
    row["first_received_at"] = received.received_at
    facts.add_start(row, exact=start.exact_id)


def _fold_use(facts: DeviceFacts, received: Received, *, use: Use, horizon: Horizon) -> None:
    by_day: dict[str, list[UseHour]] = defaultdict(list)
    for hour in use.hours:
        hour_at = (_placed(hour.hour_at, received, rounding_ms=HOUR_MS // 2)) // HOUR_MS * HOUR_MS
        if hour_at < horizon.facts_from:
            facts.drops["use_hours_too_old"] += 1
            continue
        by_day[day_of(hour_at)].append(hour)
        if hour_at >= horizon.use_hours_from:
            facts.add_hour(hour_at, _part([hour]))
    for day, hours in by_day.items():
        facts.add_day(day, _part(hours))


def _part(hours: list[UseHour]) -> Row:
    return {
        "minutes": minutes.total(minutes.of_hour(hour) for hour in hours),
        "missed": sum(hour.missed for hour in hours),
        "suspended": sum(hour.suspended for hour in hours),
    }


def _fold_section(facts: DeviceFacts, received: Received, *, name: str, content: Any) -> None:
    before = facts.sections.get(name)
    changed = facts.keep_section(name, received.corrected_at, body=bytes(received.report.sections[name]).decode())
    if not changed:
        return
    if name in ("system", "hardware") or before is None:
        facts.due = True
    elif name == "disks":
        facts.due = facts.due or _free_percent(content) != _free_percent(_sections[name].decode(before[1]))
    elif name == "battery":
        facts.due = facts.due or _wear(content) != _wear(_sections[name].decode(before[1]))


def _fold_readings(facts: DeviceFacts, received: Received, *, disks: Disks | None, battery: Battery | None) -> None:
    if disks is None and battery is None:
        return
    day = day_of(received.corrected_at)
    row = facts.day(day)
    if row["read_at"] is not None and row["read_at"] > received.corrected_at:
        return
    row["read_at"] = received.corrected_at
    facts.changed_days.add(day)
    system = next((volume for volume in disks.volumes if volume.system), None) if disks else None
    if system is not None:
        row["disk_free_bytes"], row["disk_total_bytes"] = system.free_bytes, system.total_bytes
    if battery is not None:
        row["battery"] = canonical(battery.packs)


def _fold_software(facts: DeviceFacts, received: Received, *, software: Software) -> None:
    if facts.software_at is None or received.corrected_at > facts.software_at:
        facts.software, facts.software_at = software, received.corrected_at
        facts.due = True


def _fold_state(facts: DeviceFacts, received: Received) -> None:
    state = facts.state
    state["reported_at"] = max(received.received_at, state.get("reported_at") or 0)
    newest = received.corrected_at >= (state.get("collected_at") or 0)
    known = msgspec.json.decode(state["outcomes"]) if state.get("outcomes") else {}
    told = msgspec.to_builtins(received.report.outcomes)
    if newest:
        state["collected_at"] = received.corrected_at
        state["agent_version"] = received.report.agent_version or state.get("agent_version")
        state["clock_skew_ms"] = received.skew_ms
        state["outcomes"] = canonical({**known, **told})
    else:
        state["outcomes"] = canonical({**told, **known})


def _placed(instant: str, received: Received, *, rounding_ms: int = 0) -> int:
    """An instant of the device's clock on the server's time line; received_at when it cannot be believed."""
    at, shift = parse_instant(instant), received.shift_ms
    if at is None or shift is None or at + shift < EARLIEST_MS:
        return received.received_at
    return min(at + shift + rounding_ms, received.received_at)


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _free_percent(disks: Disks) -> list[tuple[str, int]]:
    return [(v.name, round(100 * v.free_bytes / v.total_bytes) if v.total_bytes else 0) for v in disks.volumes]


def _wear(battery: Battery) -> list[tuple[object, ...]]:
    return [(pack.name, pack.design, pack.full, pack.cycles) for pack in battery.packs]
