"""What the coverage page shows, made of the newest snapshot. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from muster_server.health.estate import FACTS
from muster_server.health.snapshot import EstateSnapshot
from muster_server.health.windows11 import CHECKS, Result
from muster_server.web.charts import Shape, meter
from muster_server.web.remedies import REMEDIES

# Reason -> the filter of the device list that finds exactly these, besides the fact's own.
_FOUND_BY = {"never reported": {"silent": "never"}}


@dataclass(frozen=True)
class Reason:
    """Why a fact is missing on some devices, what to do, and the filters that list them (None: no list can)."""

    said: str
    devices: int
    remedy: str
    filters: dict[str, str] | None


@dataclass(frozen=True)
class FactLine:
    """One fact: on how many devices it is known, and why not on the others."""

    fact: str
    collector: str
    known: int
    devices: int
    meter: list[Shape]
    reasons: list[Reason]

    @property
    def missing(self) -> int:
        """On how many devices it is not known."""
        return self.devices - self.known


@dataclass(frozen=True)
class CollectorLine:
    """One collector over all newest reports."""

    name: str
    ok: int
    absent: int
    failed: int
    problems: list[tuple[str, int]]


@dataclass(frozen=True)
class CheckLine:
    """One check of Windows 11 over all devices that it can be asked of."""

    name: str
    counts: list[int]  # in the order of RESULTS


RESULTS: tuple[Result, ...] = ("pass", "fixable in firmware", "fail", "unknown")


def fact_lines(snapshot: EstateSnapshot) -> list[FactLine]:
    """Facts, the least known first."""
    lines = []
    for fact in snapshot.coverage:
        collector = FACTS[fact.fact][1] if fact.fact in FACTS else ""
        ranked = sorted(fact.missing.items(), key=lambda item: (-item[1], item[0]))
        reasons = [_reason(reason, number, collector=collector) for reason, number in ranked]
        devices = fact.known + sum(fact.missing.values())
        known_share = meter(fact.known / devices if devices else 0.0, kind="keep")
        lines.append(FactLine(fact.fact, collector, fact.known, devices, known_share, reasons))
    return sorted(lines, key=lambda line: (-line.missing, line.fact))


def collector_lines(snapshot: EstateSnapshot) -> list[CollectorLine]:
    """Collectors, those that failed most first."""
    lines = [
        CollectorLine(
            name=name,
            ok=counts.get("ok", 0),
            absent=counts.get("absent", 0),
            failed=counts.get("failed", 0),
            problems=sorted(snapshot.problems.get(name, {}).items(), key=lambda item: (-item[1], item[0])),
        )
        for name, counts in snapshot.collectors.items()
    ]
    return sorted(lines, key=lambda line: (-line.failed, line.name))


def check_lines(snapshot: EstateSnapshot) -> list[CheckLine]:
    """The checks of Windows 11, all together first; none where no device told its hardware."""
    names = [name for name in ("whole", *CHECKS) if name in snapshot.windows11]
    counted = {name: [snapshot.windows11[name].get(result, 0) for result in RESULTS] for name in names}
    return [CheckLine("All but the display" if n == "whole" else f"{n[0].upper()}{n[1:]}", counted[n]) for n in names]


def _reason(reason: str, number: int, *, collector: str) -> Reason:
    exact = {**_FOUND_BY, "the collector failed": {"failed": collector}}
    remedy = REMEDIES.get(reason, "Look at one of these devices: its page says what it told.")
    filters = {"lacks": collector, **exact[reason]} if reason in exact else None
    return Reason(reason, number, remedy, {**filters, "status": "in use"} if filters else None)
