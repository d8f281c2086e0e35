"""What judging says of one device: findings with their evidence, and the verdict. Plain data, free of Polars.

Enters: nothing. Leaves: structs that assessments keep as JSON and that pages, exports and the API read.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Verdict = Literal["keep", "fix", "upgrade", "replace", "retire", "unknown"]
Suggestion = Literal["fix", "upgrade", "replace"]
# `over`: the rule is true. `under`: it is false and a flag closes. `between`: an open flag stays, none opens.
State = Literal["over", "between", "under", "unknown"]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value beside its threshold. `unit` is seconds, ratio, bytes, days, count or text."""

    label: str
    value: float | int | str | bool | None
    unit: str
    threshold: float | int | str | bool | None = None
    samples: int | None = None
    samples_needed: int | None = None
    newest_at: int | None = None  # epoch ms of the newest fact in it
    at_least: bool = False  # a lower bound: the value may be more in truth


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One rule applied to one device."""

    rule_id: str
    version: int
    title: str
    state: State
    suggests: Suggestion
    weight: float
    sentence: str  # what was found, with its figures, for a person
    clears: str  # what would clear it, or what would make it known
    evidence: list[Evidence] = []


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one device: a function of signals, policy, ruleset and `as_of`, and of nothing else."""

    verdict: Verdict
    judged_ratio: float  # share of the rules' weight that could be judged
    leading_rule: str | None  # the strongest true rule
    findings: list[Finding]
    as_of: int
    policy_sha256: str
    ruleset: str
