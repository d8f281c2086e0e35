"""The estate's snapshot out of one line a device. Pure.

Enters: lines of every device. Leaves: counts and coverage, each with how many it is made of and how many are not known.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from muster_server.clock import DAY_MS
from muster_server.health.percentile import ranked
from muster_server.health.snapshot import Coverage, SignInGroup, StartGroup

Line = Mapping[str, Any]

# Fact -> (signal that holds it, collector it comes from).
FACTS = {
    "Start times": ("start_median_ms", "starts"),
    "Sign-in times": ("sign_in_median_ms", "sign_ins"),
    "Memory pressure": ("memory_short_ratio", "use"),
    "Space on the system volume": ("disk_free_ratio", "disks"),
    "Kind of system drive": ("system_drive_kind", "hardware"),
    "Support of the operating system": ("os_support", "system"),
    "Battery": ("battery_known", "battery"),
}
# What is shown where a value is missing.
NOT_KNOWN = "not known"
NOT_JUDGED = "not judged"
_MOST_PROBLEMS = 5
SILENCE = ("1 day", "7 days", "30 days", "longer", "never")


def counted(lines: Iterable[Line], name: str) -> dict[str, int]:
    """How many lines have each value of `name`; a missing one counts as `not known`."""
    return dict(Counter(str(line[name]) if line[name] not in (None, "") else NOT_KNOWN for line in lines))


def by_verdict(lines: Iterable[Line]) -> dict[str, int]:
    """How many lines have each verdict; `not judged` where none stands."""
    return {NOT_JUDGED if verdict == NOT_KNOWN else verdict: n for verdict, n in counted(lines, "verdict").items()}


def unit_verdicts(lines: Iterable[Line]) -> dict[str, dict[str, int]]:
    """The same for each unit."""
    units: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        units[line["unit"] or NOT_KNOWN].append(line)
    return {unit: by_verdict(members) for unit, members in units.items()}


def collectors(outcomes: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """How many devices had each outcome of each collector in their newest report."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for of_device in outcomes:
        for name, told in of_device.items():
            found[name][told["outcome"]] += 1
    return {name: dict(sorted(of_one.items())) for name, of_one in sorted(found.items())}


def problems(outcomes: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """The commonest problems of each collector that failed, with how many devices told each."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for of_device in outcomes:
        for name, told in of_device.items():
            if told["outcome"] == "failed":
                found[name][told.get("problem") or "no problem told"] += 1
    return {name: dict(of_one.most_common(_MOST_PROBLEMS)) for name, of_one in sorted(found.items())}


def by_silence(lines: Iterable[Line], now: int) -> dict[str, int]:
    """How many devices last reported within each span of SILENCE."""
    found = dict.fromkeys(SILENCE, 0)
    for line in lines:
        found[_span(line["reported_at"], now)] += 1
    return found


def start_groups(lines: Iterable[Line]) -> list[StartGroup]:
    """Medians over devices of their own median starts, by class, kind, mark and quality; never one over a mixture."""
    groups: dict[tuple[str, ...], list[Line]] = defaultdict(list)
    for line in lines:
        if line["start_median_ms"] is not None:
            key = (line["device_class"] or "unknown", line["start_kind"], line["start_mark"], line["start_quality"])
            groups[key].append(line)
    return [
        StartGroup(
            device_class=key[0],
            kind=key[1],
            mark=key[2],
            quality=key[3],
            devices=len(members),
            starts=sum(line["start_samples"] for line in members),
            **_middles(members, "start"),
        )
        for key, members in sorted(groups.items())
    ]


def sign_in_groups(lines: Iterable[Line]) -> list[SignInGroup]:
    """The same of their median sign-ins, by kind, mark and quality."""
    groups: dict[tuple[str, ...], list[Line]] = defaultdict(list)
    for line in lines:
        if line["sign_in_median_ms"] is not None:
            groups[line["sign_in_kind"], line["sign_in_mark"], line["sign_in_quality"]].append(line)
    return [
        SignInGroup(
            kind=key[0],
            mark=key[1],
            quality=key[2],
            devices=len(members),
            sign_ins=sum(line["sign_in_samples"] for line in members),
            **_middles(members, "sign_in"),
        )
        for key, members in sorted(groups.items())
    ]


def windows11(lines: Iterable[Line]) -> dict[str, dict[str, int]]:
    """How many devices have each result of each check, and of all together (`whole`); those without checks left out."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        if line["windows11_checks"]:
            for check, result in msgspec.json.decode(line["windows11_checks"]).items():
                found[check][result] += 1
            found["whole"][line["windows11"]] += 1
    return {check: dict(sorted(results.items())) for check, results in found.items()}


def coverage(lines: Sequence[Line], outcomes: Mapping[int, Mapping[str, Any]], *, now: int) -> list[Coverage]:
    """For each fact on how many devices it is known, and why not on the others."""
    return [_coverage_of(fact, lines, outcomes=outcomes, now=now) for fact in FACTS]


def _middles(members: Sequence[Line], what: str) -> dict[str, Any]:
    medians = [(line[f"{what}_median_ms"], bool(line[f"{what}_median_at_least"])) for line in members]
    median, tenth = ranked(medians, 0.5), ranked(medians, 0.9)
    return {
        "median_ms": median.value,
        "median_at_least": median.at_least,
        "p90_ms": tenth.value,
        "p90_at_least": tenth.at_least,
    }


def _coverage_of(fact: str, lines: Sequence[Line], *, outcomes: Mapping[int, Mapping[str, Any]], now: int) -> Coverage:
    signal, collector = FACTS[fact]
    missing: Counter[str] = Counter()
    for line in lines:
        if line[signal] is None:
            missing[_reason(line, collector, outcomes=outcomes.get(line["device_id"], {}), now=now)] += 1
    return Coverage(fact=fact, known=len(lines) - sum(missing.values()), missing=dict(sorted(missing.items())))


def _reason(line: Line, collector: str, *, outcomes: Mapping[str, Any], now: int) -> str:
    reported_at = line["reported_at"]
    outcome = outcomes.get(collector, {}).get("outcome")
    known_but_useless = {"system": "not in the end-of-life data", "hardware": "the device cannot tell"}
    reasons = (
        (reported_at is None, "never reported"),
        (line["error"] is not None, "judging failed"),
        (line["verdict"] is None, "not judged yet"),
        (outcome == "failed", "the collector failed"),
        (outcome == "absent", "not present on this device"),
        (reported_at is not None and now - reported_at > 30 * DAY_MS, "silent for over 30 days"),
        (collector == "starts" and line["start_samples"], "fewer than 5 starts of one kind"),
        (collector == "sign_ins" and outcome == "ok", "fewer than 5 sign-ins of one kind"),
        (outcome == "ok", known_but_useless.get(collector, "not enough days yet")),
    )
    return next((reason for holds, reason in reasons if holds), "not sent yet")


def _span(reported_at: int | None, now: int) -> str:
    if reported_at is None:
        return "never"
    days = (now - reported_at) / DAY_MS
    return next((span for span, limit in (("1 day", 1), ("7 days", 7), ("30 days", 30)) if days <= limit), "longer")
