"""What the estate page shows, made of the newest snapshot and the newest flags. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from muster_server.health.estate import NOT_JUDGED, NOT_KNOWN
from muster_server.health.findings import Finding
from muster_server.health.snapshot import EstateSnapshot, SignInGroup, StartGroup
from muster_server.web.charts import Chart, stacked
from muster_server.web.coverage_view import FactLine, fact_lines
from muster_server.web.words import share

# In the order in which people look: what needs something first, what is not known last.
VERDICTS = ("replace", "upgrade", "fix", "keep", "retire", "unknown", NOT_JUDGED)
NEEDING = ("replace", "upgrade", "fix")
_MOST_VALUES = 12
_KINDS = {**{verdict: verdict for verdict in VERDICTS}, NOT_JUDGED: "unjudged"}


@dataclass(frozen=True)
class EstateView:
    """Every figure with how many devices it is made of."""

    snapshot: EstateSnapshot
    verdicts: list[tuple[str, int]]  # those that occur, and always the main ones
    bar: Chart
    needing: int
    rules: list[dict[str, Any]]
    units: list[dict[str, Any]]
    silence: list[tuple[str, str, int]]  # value in the URL, words, devices
    starts: list[StartGroup]
    sign_ins: list[SignInGroup]
    facts: list[FactLine]
    made_of: list[tuple[str, str, list[tuple[str, int]]]]  # title, filter of the list, values by number of devices
    unjudged: int


@dataclass(frozen=True)
class Move:
    """A flag that was raised or cleared, with the sentence of its finding."""

    flag: Mapping[str, Any]
    cleared: bool
    finding: Finding


def estate_view(snapshot: EstateSnapshot, *, rules: Mapping[str, Mapping[str, Any]]) -> EstateView:
    """The page's content out of a snapshot."""
    counts = {name: snapshot.by_verdict.get(name, 0) for name in VERDICTS}
    return EstateView(
        snapshot=snapshot,
        verdicts=[(name, number) for name, number in counts.items() if number or name not in ("retire", NOT_JUDGED)],
        bar=stacked("Devices in use by verdict", counts, heads=("Verdict", "Devices"), kinds=_KINDS),
        needing=sum(counts[name] for name in NEEDING),
        rules=_rules(snapshot, rules),
        units=_units(snapshot),
        silence=_silence(snapshot.by_silence),
        starts=snapshot.starts,
        sign_ins=snapshot.sign_ins,
        facts=fact_lines(snapshot),
        made_of=_made_of(snapshot),
        unjudged=counts["unknown"] + counts[NOT_JUDGED],
    )


def moves(changes: Sequence[Mapping[str, Any]]) -> list[Move]:
    """The newest flags as lines of a list."""
    return [
        Move(change, change["change"] == "cleared", msgspec.json.decode(change["evidence"], type=Finding))
        for change in changes
    ]


def _rules(snapshot: EstateSnapshot, rules: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for rule_id, rule in rules.items():
        moved = snapshot.flags_7d.get(rule_id)
        raised, cleared = (moved.raised, moved.cleared) if moved else (0, 0)
        known = {"open": snapshot.flags_open.get(rule_id, 0), "raised": raised, "cleared": cleared}
        rows.append({"id": rule_id, "title": rule["title"], "suggests": rule["suggests"], **known})
    return sorted(rows, key=lambda row: (-row["open"], row["title"]))


def _units(snapshot: EstateSnapshot) -> list[dict[str, Any]]:
    rows = []
    for unit, counts in snapshot.unit_verdicts.items():
        devices = sum(counts.values())
        needing = sum(counts.get(name, 0) for name in NEEDING)
        unknown = counts.get("unknown", 0) + counts.get(NOT_JUDGED, 0)
        known = {"unit": unit, "devices": devices, "counts": counts, "needing": needing, "unknown": unknown}
        bar = stacked(unit, {name: counts.get(name, 0) for name in VERDICTS}, heads=("", ""), kinds=_KINDS).shapes
        rows.append({**known, "ratio": share(needing, devices) or 0.0, "bar": bar})
    return sorted(rows, key=lambda row: (row["unit"] == NOT_KNOWN, -row["ratio"], row["unit"]))


def _made_of(snapshot: EstateSnapshot) -> list[tuple[str, str, list[tuple[str, int]]]]:
    tables = (
        ("Class", "device_class", snapshot.by_class),
        ("Operating system", "os_name", snapshot.by_os),
        ("Version of the agent", "", snapshot.by_agent_version),
    )
    return [
        (title, name, sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MOST_VALUES])
        for title, name, counts in tables
    ]


def _silence(by_silence: Mapping[str, int]) -> list[tuple[str, str, int]]:
    spans = [by_silence.get(name, 0) for name in ("7 days", "30 days", "longer", "never")]
    names = (("1", "over 1 day"), ("7", "over 7 days"), ("30", "over 30 days"), ("never", "never reported"))
    return [(value, said, sum(spans[index:])) for index, (value, said) in enumerate(names)]
