"""What the page of one device shows, made of the store's rows. Pure.

Enters: a `DevicePage`. Leaves: the verdict with its sheet of evidence, sections decoded, starts and sign-ins by
population, use and disk space with their charts. What is not known stays None, and the page says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from muster_server.health.findings import Finding
from muster_server.health.windows11 import Check, checks
from muster_server.ingest.sections import AgentHealth, Battery, Disks, Hardware, Place, Restart, System
from muster_server.store.device_page import DevicePage
from muster_server.web import remedies
from muster_server.web.facts_view import Pairs, hardware_facts, place_facts, system_facts
from muster_server.web.sign_ins_view import SignInsView, sign_ins_view
from muster_server.web.starts_view import StartsView, starts_view
from muster_server.web.use_view import UseView, disk_chart, use_view
from muster_server.web.words import decoded

_ORDER = {"over": 0, "between": 1, "unknown": 2, "under": 3}
_TYPES = {
    "system": System,
    "hardware": Hardware,
    "place": Place,
    "disks": Disks,
    "battery": Battery,
    "restart": Restart,
    "agent": AgentHealth,
}


@dataclass(frozen=True)
class Sheet:
    """One assessment as people read it: findings, the true ones first."""

    id: int
    verdict: str
    as_of: int
    policy_sha256: str
    ruleset: str
    judged_ratio: float
    findings: list[Finding]

    @property
    def reasons(self) -> list[Finding]:
        """The findings that made the verdict."""
        return [finding for finding in self.findings if finding.state == "over"]

    @property
    def unknown(self) -> list[Finding]:
        """What could not be judged."""
        return [finding for finding in self.findings if finding.state == "unknown"]


@dataclass(frozen=True)
class DeviceView:
    """Everything its templates need."""

    line: dict[str, Any]
    flags: list[dict[str, Any]]
    past_flags: list[dict[str, Any]]
    history: list[dict[str, Any]]
    sheet: Sheet | None
    told: dict[str, Any]  # section -> its struct
    told_at: dict[str, int]
    outcomes: dict[str, dict[str, Any]]
    not_folded: dict[str, Any] | None
    hardware: Pairs
    system: Pairs
    place: Pairs
    windows11: list[Check]
    starts: StartsView
    sign_ins: SignInsView
    use: UseView | None
    disk_days: Any

    def why(self, collector: str) -> tuple[str, str]:
        """(reason, remedy) for a section that the device never told."""
        return remedies.missing(self.outcomes, collector, reported_at=self.line["reported_at"])


def device_view(page: DevicePage, *, now: int) -> DeviceView:
    """The page's content as of `now` (epoch ms)."""
    record = page.record
    sheet = standing_sheet(record.line)
    sections = {name: record.sections[name] for name in _TYPES if name in record.sections}
    not_folded = record.sections.get("fold")
    told = {name: msgspec.json.decode(body, type=_TYPES[name]) for name, (_, body) in sections.items()}
    return DeviceView(
        line=record.line,
        flags=record.flags,
        past_flags=page.past_flags,
        history=page.history,
        sheet=sheet,
        told=told,
        told_at={name: at for name, (at, _) in sections.items()},
        outcomes=dict(sorted(decoded(record.line["outcomes"], {}).items())),
        not_folded={"at": not_folded[0], **decoded(not_folded[1])} if not_folded else None,
        hardware=hardware_facts(told["hardware"]) if "hardware" in told else [],
        system=system_facts(told["system"], now) if "system" in told else [],
        place=place_facts(told["place"]) if "place" in told else [],
        windows11=checks(told.get("hardware"), told.get("system")),
        sign_ins=sign_ins_view(record.sign_ins, now=now),
        starts=starts_view(record.starts, slow=finding_of(sheet, "slow_start"), now=now),
        use=use_view(record.days),
        disk_days=disk_chart(record.days),
    )


def standing_sheet(line: dict[str, Any]) -> Sheet | None:
    """The sheet of the assessment that stands, None before the first."""
    if line["findings"] is None:
        return None
    kept = {"id": line["assessment_id"], "verdict": line["assessed_verdict"], "judged_ratio": line["assessed_ratio"]}
    return sheet_of({**line, **kept})


def sheet_of(assessment: dict[str, Any]) -> Sheet:
    """A kept assessment as a sheet."""
    findings = msgspec.json.decode(assessment["findings"], type=list[Finding])
    kept = {name: assessment[name] for name in ("id", "verdict", "as_of", "policy_sha256", "ruleset", "judged_ratio")}
    return Sheet(**kept, findings=sorted(findings, key=lambda f: (_ORDER[f.state], -f.weight, f.rule_id)))


def finding_of(sheet: Sheet | None, rule_id: str) -> Finding | None:
    """The finding of one rule."""
    return next((f for f in sheet.findings if f.rule_id == rule_id), None) if sheet else None
