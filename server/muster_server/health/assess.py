"""Assessment: signals, policy and a date in, a verdict with its evidence out. Nothing else goes in.

Pure. The verdict is the strongest suggestion among the rules that are true; with none true it is `keep` if enough of
the rules' weight could be judged, else `unknown`. A device that is not in use is suggested nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import polars as pl

from muster_server.health.findings import Assessment, Evidence, Finding, State, Suggestion, Verdict
from muster_server.health.policy import Policy
from muster_server.health.rules import RULES, Reads, Row, Rule, state_of

_STRENGTH: dict[Suggestion, int] = {"replace": 3, "upgrade": 2, "fix": 1}
RULESET = hashlib.sha256(",".join(f"{rule.id}@{rule.version}" for rule in RULES).encode()).hexdigest()[:12]


class _Run(NamedTuple):
    policy: Policy
    policy_sha256: str
    as_of: int


def assess(rows: Sequence[Row], schema: dict[str, Any], *, policy: Policy, as_of: int) -> list[Assessment]:
    """One assessment a row of signals, in their order. `rows` also hold `status`; `schema` is their Polars types."""
    active = [rule for rule in RULES if _weight(rule, policy) is not None]
    frame = pl.DataFrame(rows, schema=schema, strict=False)
    states = frame.select(state_of(rule, policy, as_of=as_of) for rule in active).to_dicts()
    run = _Run(policy, policy.sha256, as_of)
    return [
        _assessment(row, [_finding(rule, of_row[rule.id], row=row, policy=policy) for rule in active], run=run)
        for row, of_row in zip(rows, states, strict=True)
    ]


def _assessment(row: Row, findings: list[Finding], *, run: _Run) -> Assessment:
    whole = sum(finding.weight for finding in findings)
    judged = sum(finding.weight for finding in findings if finding.state != "unknown")
    ratio = judged / whole if whole else 0.0
    true = [finding for finding in findings if finding.state == "over" and row["status"] == "in use"]
    leading = max(true, key=_strength, default=None)
    otherwise: Verdict = "keep" if ratio >= run.policy.general.least_judged_ratio else "unknown"
    return Assessment(
        verdict=leading.suggests if leading else otherwise,
        judged_ratio=round(ratio, 4),
        leading_rule=leading.rule_id if leading else None,
        findings=findings,
        as_of=run.as_of,
        policy_sha256=run.policy_sha256,
        ruleset=RULESET,
    )


def _strength(finding: Finding) -> tuple[int, float, str]:
    return (_STRENGTH[finding.suggests], finding.weight, finding.rule_id)


def _finding(rule: Rule, state: State, *, row: Row, policy: Policy) -> Finding:
    evidence = [_evidence(reads, row, policy=policy, newest=rule.newest) for reads in rule.evidence]
    return Finding(
        rule_id=rule.id,
        version=rule.version,
        title=rule.title,
        state=state,
        suggests=rule.suggests,
        weight=_weight(rule, policy) or 0.0,
        sentence=_sentence(rule, state, row=row, first=evidence[0]),
        clears=rule.needs if state == "unknown" else rule.clears(policy),
        evidence=evidence,
    )


def _evidence(reads: Reads, row: Row, *, policy: Policy, newest: str) -> Evidence:
    value = row[reads.column]
    scaled = round(value * reads.scale, 3) if value is not None and reads.scale is not None else value
    return Evidence(
        label=reads.label,
        value=scaled,
        unit=reads.unit,
        threshold=reads.threshold(policy),
        samples=row[reads.samples] if reads.samples else None,
        samples_needed=reads.least(policy),
        newest_at=row[newest],
        at_least=bool(reads.at_least and row[reads.at_least]),
    )


def _sentence(rule: Rule, state: State, *, row: Row, first: Evidence) -> str:
    if state == "unknown":
        return f"{rule.title}: not known."
    value = "not announced" if first.value is None else written(first.value, first.unit)
    value = f"at least {value}" if first.at_least else value
    limit = "" if first.threshold is None else f" (limit {written(first.threshold, first.unit)})"
    return rule.says(row, f"{first.label}: {value}{limit}.")


def written(value: Any, unit: str) -> str:
    """A value as a person reads it."""
    if value is None:
        return "not known"
    if unit == "ratio" and not isinstance(value, str):
        return f"{value:.0%}"
    if unit == "bytes" and not isinstance(value, str):
        return f"{value / 2**30:.1f} GiB"
    words = {"seconds": " s", "days": " days"}
    number = f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
    return number + words.get(unit, "")


def _weight(rule: Rule, policy: Policy) -> float | None:
    """The rule's weight under the policy; None when it is switched off."""
    settings = getattr(policy, rule.id)
    return settings.weight if settings.enabled else None
