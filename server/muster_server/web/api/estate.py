"""The estate's figures, as the newest snapshot holds them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from muster_server.clock import now_ms
from muster_server.problems import ProblemError
from muster_server.services import current
from muster_server.store.snapshots import newest_snapshot
from muster_server.web.api.answers import Answer, Instant, shown
from muster_server.web.api.asked import Nothing


class StartFigures(Answer, frozen=True):
    """Devices of one class whose starts of 30 days are known to one mark, of one kind and quality; never mixed.

    The median and the 90th percentile are over the devices' own medians; null under 5 devices; `at_least` where they
    may be longer in truth.
    """

    device_class: str
    kind: str
    mark: str
    quality: str
    devices: int
    starts: int
    median_seconds: float | None
    p90_seconds: float | None
    median_at_least: bool
    p90_at_least: bool


class SignInFigures(Answer, frozen=True):
    """The same of ordinary sign-ins of 30 days, by kind over all classes: `cached`, `roaming`, `unknown`."""

    kind: str
    mark: str
    quality: str
    devices: int
    sign_ins: int
    median_seconds: float | None
    p90_seconds: float | None
    median_at_least: bool
    p90_at_least: bool


class FactCoverage(Answer, frozen=True):
    """On how many devices a fact is known, and why not on the others: reason, number of devices."""

    fact: str
    known: int
    missing: dict[str, int]


class FlagMoves(Answer, frozen=True):
    """What became of one rule's flags in the last 7 days."""

    raised: int
    cleared: int


class Estate(Answer, frozen=True):
    """Figures over approved devices with status `in use`, unless a name says otherwise, as of `made_at`."""

    made_at: Instant
    age_seconds: Annotated[float, Meta(description="How old these figures are.")]
    devices: int
    by_status: dict[str, int]
    awaiting_approval: int
    split: int
    by_verdict: Annotated[dict[str, int], Meta(description="`not judged` where no assessment stands.")]
    by_class: dict[str, int]
    by_os: dict[str, int]
    by_agent_version: dict[str, int]
    by_silence: Annotated[dict[str, int], Meta(description="Reported within: 1 day, 7 days, 30 days, longer, never.")]
    by_unit: dict[str, int]
    unit_verdicts: Annotated[dict[str, dict[str, int]], Meta(description="By unit, then by verdict.")]
    flags_open: Annotated[dict[str, int], Meta(description="Open flags by rule.")]
    flags_raised_total: int
    flags_cleared_total: int
    flags_7d: Annotated[dict[str, FlagMoves], Meta(description="Flags raised and cleared in 7 days, by rule.")]
    assessments_failed: int
    starts: list[StartFigures]
    sign_ins: list[SignInFigures]
    windows11: Annotated[
        dict[str, dict[str, int]], Meta(description="By check of Windows 11, or `whole`, then by result.")
    ]
    coverage: list[FactCoverage]
    collectors: Annotated[dict[str, dict[str, int]], Meta(description="By collector, then by newest outcome.")]
    problems: Annotated[dict[str, dict[str, int]], Meta(description="By collector, then by its commonest problems.")]
    reports_24h: int
    unfolded: Annotated[int, Meta(description="Reports taken and not folded yet.")]
    oldest_unfolded_seconds: float | None
    due: Annotated[int, Meta(description="Devices that wait to be judged.")]
    drops: Annotated[dict[str, int], Meta(description="Facts that could not be kept, ever, by reason.")]


def estate(_asked: Nothing) -> Estate:
    """The estate at one instant: counts, start times and coverage, each with how many devices it is made of."""
    with current().database.read() as connection:
        newest = newest_snapshot(connection)
    if newest is None:
        raise ProblemError(404, "no-snapshot", detail="No snapshot was made yet: the worker makes one every 30 s.")
    return shown(
        Estate,
        newest,
        age_seconds=(now_ms() - newest.made_at) / 1000,
        oldest_unfolded_seconds=newest.oldest_unfolded_seconds,
        starts=[shown(StartFigures, group) for group in newest.starts],
        sign_ins=[shown(SignInFigures, group) for group in newest.sign_ins],
        coverage=[shown(FactCoverage, fact) for fact in newest.coverage],
        flags_7d={rule_id: shown(FlagMoves, moves) for rule_id, moves in newest.flags_7d.items()},
    )
