"""What the API answers of one device. Sections are as the device told them last, each with when it did."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from muster_server.clock import iso
from muster_server.fold.marks import MARKS, SIGN_IN_MARKS
from muster_server.fold.minutes import COMMIT, LEVELS, PRESSURE, WAIT
from muster_server.health.windows11 import checks
from muster_server.ingest.schema import Outcome
from muster_server.ingest.sections import Hardware, Pack, System, Title
from muster_server.ingest.starts import Culprit
from muster_server.store.device import DeviceRecord
from muster_server.web.api.answers import (
    Answer,
    DeviceId,
    DeviceLine,
    Finding,
    Flag,
    Instant,
    Value,
    device_line,
    findings,
    flag,
    shown,
)
from muster_server.web.api.device_parts import (
    Day,
    SignInShown,
    SoftwareTold,
    StartShown,
    ToldAgent,
    ToldBattery,
    ToldDisks,
    ToldHardware,
    ToldPlace,
    ToldRestart,
    ToldSystem,
    Windows11Check,
)


class DeviceWhole(DeviceLine, frozen=True):
    """Everything Muster knows of one device. `starts`, `sign_ins` and `days` are of the last 30 days, newest first.

    `identity` is `split` where two machines report as this one; `outcomes` say how each collector fared last.
    """

    generation: int
    enrolled_at: Instant
    reinstalled_at: Instant | None
    identity: Literal["keep", "split"]
    token_revoked: bool
    unit_source: str | None
    status_assumed: bool
    role_of_use: str
    collected_at: Instant | None
    clock_skew_seconds: float | None
    wanted_sections: list[str]
    assessed_at: Instant | None
    findings: list[Finding]
    flags: list[Flag]
    starts: list[StartShown]
    sign_ins: list[SignInShown]
    windows11: list[Windows11Check]
    days: list[Day]
    system: ToldSystem | None
    hardware: ToldHardware | None
    place: ToldPlace | None
    disks: ToldDisks | None
    battery: ToldBattery | None
    restart: ToldRestart | None
    agent: ToldAgent | None
    outcomes: dict[str, Outcome]
    software: SoftwareTold | None


class SoftwareCoverage(Answer, frozen=True):
    """What the list of software is made of: titles in it, titles only counted, and when it was told."""

    listed: int
    more_titles: int
    told_at: Instant | None


class SoftwareList(Answer, frozen=True):
    """Part of the software of one device, by name; null `told_at` where it never told."""

    items: list[Title]
    next: str | None
    coverage: SoftwareCoverage


class EvidenceSheet(Answer, frozen=True):
    """A device's assessment with all that went into it: verdict = f(signals, policy, ruleset, as_of).

    `policy_sha256` and `ruleset` name the thresholds and the rules. `judged_ratio` is the share of the rules' weight
    that could be judged. It was made at `as_of` and confirmed at `judged_at`; where `problem` is set, judging has
    failed since, and it stands no more.
    """

    device_id: DeviceId
    hostname: str | None
    serial: str | None
    verdict: str
    leading_rule: str | None
    judged_ratio: float
    as_of: Instant
    judged_at: Instant
    problem: str | None
    policy_sha256: str
    ruleset: str
    findings: list[Finding]
    signals: Annotated[
        dict[str, Value], Meta(description="Every signal by name, units in names; null is unknown, instants ISO 8601.")
    ]


_JUDGED: dict[str, Any] = {"hardware": Hardware, "system": System}
_MINUTES = (*LEVELS, PRESSURE, COMMIT, WAIT)
_TOLD: dict[str, type[msgspec.Struct]] = {
    "system": ToldSystem,
    "hardware": ToldHardware,
    "place": ToldPlace,
    "disks": ToldDisks,
    "battery": ToldBattery,
    "restart": ToldRestart,
    "agent": ToldAgent,
}


def device_whole(record: DeviceRecord) -> DeviceWhole:
    """The answer on one device."""
    line = record.line
    return shown(
        DeviceWhole,
        {**line, "assessed_at": line["as_of"]},
        **msgspec.structs.asdict(device_line(line)),
        identity=line["identity"] or "keep",
        token_revoked=line["generation"] < (line["lowest_generation"] or 0),
        wanted_sections=_read(line["want"], list[str], default=[]),
        findings=findings(line["findings"]),
        flags=[flag(Flag, row) for row in record.flags],
        starts=[_start(row) for row in record.starts],
        sign_ins=[shown(SignInShown, row, at=iso(row["at"]), **_bounds(row, SIGN_IN_MARKS)) for row in record.sign_ins],
        windows11=_windows11(record.sections),
        days=[_day(row) for row in record.days],
        outcomes=_read(line["outcomes"], dict[str, Outcome], default={}),
        software=_software(line),
        **{name: _told(kind, record.sections.get(name)) for name, kind in _TOLD.items()},
    )


def evidence_sheet(line: dict[str, Any]) -> EvidenceSheet:
    """The evidence behind the assessment that a device's line names."""
    stored = msgspec.json.decode(line["signals"])
    signals = {name: _signal(name, value) for name, value in stored.items() if name != "device_id"}
    told = {"device_id": line["uid"], "problem": line["error"], "as_of": iso(line["as_of"]), "signals": signals}
    assessed = {"verdict": line["assessed_verdict"], "judged_ratio": line["assessed_ratio"]}
    return shown(EvidenceSheet, line, **told, **assessed, findings=findings(line["findings"]))


def _start(row: dict[str, Any]) -> StartShown:
    return shown(StartShown, row, culprits=_read(row["culprits"], list[Culprit], default=[]), **_bounds(row, MARKS))


def _bounds(row: dict[str, Any], marks: tuple[str, ...]) -> dict[str, Any]:
    return {"lower_bounds": [mark for mark in marks if row[f"{mark}_at_least"]]}


def _windows11(sections: dict[str, tuple[int, str]]) -> list[Windows11Check]:
    known = {
        name: msgspec.json.decode(sections[name][1], type=kind) for name, kind in _JUDGED.items() if name in sections
    }
    return [Windows11Check(**check._asdict()) for check in checks(known.get("hardware"), known.get("system"))]


def _day(row: dict[str, Any]) -> Day:
    minutes: dict[str, Any] = _read(row["minutes"], dict[str, Any], default={})
    levels = {f"{name}_minutes": minutes.get(name) for name in _MINUTES}
    lost = {"missed_minutes": row["missed"], "suspended_minutes": row["suspended"]}
    return shown(Day, row, **levels, **lost, battery=_read(row["battery"], list[Pack], default=None))


def _software(line: dict[str, Any]) -> SoftwareTold | None:
    if line["software_at"] is None:
        return None
    href = f"/api/v1/devices/{line['uid']}/software"
    return shown(SoftwareTold, line, told_at=iso(line["software_at"]), href=href)


def _told(kind: type[msgspec.Struct], section: tuple[int, str] | None) -> msgspec.Struct | None:
    if section is None:
        return None
    fact_at, body = section
    return msgspec.convert({**msgspec.json.decode(body), "told_at": iso(fact_at)}, kind)


def _signal(name: str, value: Value) -> Value:
    instant = name.endswith("_at") or name == "as_of"
    return iso(value) if instant and isinstance(value, int) else value


def _read(text: str | None, kind: Any, *, default: Any) -> Any:
    return default if text is None else msgspec.json.decode(text, type=kind)
