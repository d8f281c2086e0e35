"""One report into the facts of its device. Pure.

Enters: a stored report with its place on the server's time line. Leaves: changed `DeviceFacts`. A fact's own time is
the device's, moved by as much as the report was corrected, and never later than the report was received.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from muster_server.clock import HOUR_MS, day_of
from muster_server.encoding import canonical
from muster_server.fold import minutes
from muster_server.fold.facts import KEPT_SECTIONS, DeviceFacts, Horizon
from muster_server.fold.marks import Row
from muster_server.fold.rows import sign_in_row, start_row
from muster_server.ingest.decode import StoredReport
from muster_server.ingest.sections import SECTIONS, Battery, Disks, Software, UseHour
from muster_server.ingest.starts import SignIn, Start
from muster_server.ingest.timing import EARLIEST_MS, parse_instant

_report = msgspec.json.Decoder(StoredReport)
_sections: dict[str, msgspec.json.Decoder[Any]] = {name: msgspec.json.Decoder(kind) for name, kind in SECTIONS.items()}


@dataclass(frozen=True, slots=True)
class Received:
    """A row of `reports` that waits to be folded, with the instants in it placed on the server's time line."""

    id: int
    device_id: int
    received_at: int
    corrected_at: int
    skew_ms: int | None
    report: StoredReport
    content: dict[str, Any]  # section name -> its struct
    starts: list[tuple[int, Start]]  # zero_at, start
    sign_ins: list[tuple[int, SignIn]]  # at, sign-in
    hours: list[tuple[int, UseHour]]  # hour_at, minutes of that hour


def read(row: Any) -> Received:
    """A row of `reports`, its body decoded; raises msgspec.DecodeError."""
    report = _report.decode(row.body)
    content = {name: _sections[name].decode(raw) for name, raw in report.sections.items() if name in _sections}
    collected_at = parse_instant(report.collected_at)
    # What to add to an instant of the device's clock; None when its clock cannot be believed.
    shift = None if collected_at is None else row.corrected_at - collected_at
    hours: list[UseHour] = content["use"].hours if "use" in content else []
    half = HOUR_MS // 2
    return Received(
        id=row.id,
        device_id=row.device_id,
        received_at=row.received_at,
        corrected_at=row.corrected_at,
        skew_ms=row.skew_ms,
        report=report,
        content=content,
        starts=[(_placed(start.zero_at, shift, latest=row.received_at), start) for start in content.get("starts", ())],
        sign_ins=[(_placed(each.at, shift, latest=row.received_at), each) for each in content.get("sign_ins", ())],
        hours=[
            (_placed(hour.hour_at, shift, latest=row.received_at, add_ms=half) // HOUR_MS * HOUR_MS, hour)
            for hour in hours
        ],
    )


def fold_report(facts: DeviceFacts, received: Received, *, horizon: Horizon) -> None:
    """Fold one report in."""
    content = received.content
    for zero_at, start in received.starts:
        if zero_at < horizon.facts_from:
            facts.drops["starts_too_old"] += 1
        else:
            facts.add_start(start_row(zero_at, start, received_at=received.received_at), exact=start.exact_id)
    for at, sign_in in received.sign_ins:
        if at < horizon.facts_from:
            facts.drops["sign_ins_too_old"] += 1
        else:
            facts.add_sign_in(sign_in_row(at, sign_in, received_at=received.received_at))
    for hour_at, hour in received.hours:
        if hour_at < horizon.facts_from:
            facts.drops["use_hours_too_old"] += 1
        else:
            facts.add_use(hour_at, _part(hour), by_hour=hour_at >= horizon.use_hours_from)
    for name in KEPT_SECTIONS:
        if name in content:
            _fold_section(facts, received, name=name)
    _fold_readings(facts, received, disks=content.get("disks"), battery=content.get("battery"))
    if "software" in content:
        _fold_software(facts, received, software=content["software"])
    _fold_state(facts, received)


def _part(hour: UseHour) -> Row:
    return {"minutes": minutes.of_hour(hour), "missed": hour.missed, "suspended": hour.suspended}


def _fold_section(facts: DeviceFacts, received: Received, *, name: str) -> None:
    before = facts.sections.get(name)
    if before is not None and received.corrected_at < before[0]:
        return
    content = received.content[name]
    if not facts.keep_section(name, received.corrected_at, body=bytes(received.report.sections[name]).decode()):
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
    state, told = facts.state, received.report.outcomes
    if received.corrected_at < (state.get("reported_at") or 0):
        for name in told.keys() - facts.outcomes.keys():
            facts.outcomes[name] = told[name]
        return
    facts.outcomes.update(told)
    # Not when it arrived: a spool that comes late does not make a device look alive since.
    state["reported_at"] = state["collected_at"] = received.corrected_at
    state["agent_version"] = received.report.agent_version or state.get("agent_version")
    state["clock_skew_ms"] = received.skew_ms


def _placed(instant: str, shift: int | None, *, latest: int, add_ms: int = 0) -> int:
    """An instant of the device's clock on the server's time line; `latest` when it cannot be believed."""
    at = parse_instant(instant)
    if at is None or shift is None or at + shift < EARLIEST_MS:
        return latest
    return min(at + shift + add_ms, latest)


def _free_percent(disks: Disks) -> list[tuple[str, int]]:
    return [(v.name, round(100 * v.free_bytes / v.total_bytes) if v.total_bytes else 0) for v in disks.volumes]


def _wear(battery: Battery) -> list[tuple[object, ...]]:
    return [(pack.name, pack.design, pack.full, pack.cycles) for pack in battery.packs]
