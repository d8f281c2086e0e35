"""The rules. Each says when it is true, when a flag of it closes, what it reads, and what it suggests.

Pure. A rule speaks in Polars expressions over signals; `state_of` alone turns a rule into over, between, under or
unknown. A released rule is superseded by one with a higher version, never edited.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from muster_server.health.findings import Suggestion
from muster_server.health.policy import Policy

Row = dict[str, Any]
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Reads:
    """One signal that a rule shows as evidence. `scale` turns the stored value into `unit`."""

    label: str
    column: str
    unit: str
    threshold: Callable[[Policy], Any] = lambda _: None
    samples: str | None = None
    least: Callable[[Policy], int | None] = lambda _: None
    scale: float | None = None
    at_least: str | None = None  # the column that tells whether the value is a lower bound


@dataclass(frozen=True)
class Rule:
    """One rule. `when` and `clears_when` are null where a signal they need is null."""

    id: str
    version: int
    title: str
    suggests: Suggestion
    newest: str  # the column with the date of the newest fact it reads
    when: Callable[[Policy], pl.Expr]
    clears_when: Callable[[Policy], pl.Expr]
    evidence: tuple[Reads, ...]
    clears: Callable[[Policy], str]
    needs: str  # what makes it known, for a device where it is not
    says: Callable[[Row, str], str] = lambda _, plain: plain  # the finding in words, out of signals and plain figure


def state_of(rule: Rule, policy: Policy, *, as_of: int) -> pl.Expr:
    """`over`, `between`, `under` or `unknown` as text. Null is caught first, since it slips through any comparison."""
    over, under = rule.when(policy), rule.clears_when(policy)
    fresh = pl.lit(as_of) - pl.col(rule.newest) <= policy.general.fact_days * DAY_MS
    return (
        pl.when(over.is_null() | under.is_null() | fresh.is_null() | fresh.not_())
        .then(pl.lit("unknown"))
        .when(over)
        .then(pl.lit("over"))
        .when(under)
        .then(pl.lit("under"))
        .otherwise(pl.lit("between"))
        .alias(rule.id)
    )


def _enough(count: str, least: int, *, value: pl.Expr) -> pl.Expr:
    """`value`, or null while there are fewer than `least` samples."""
    return pl.when(pl.col(count) >= least).then(value)


def _starts(policy: Policy, value: pl.Expr) -> pl.Expr:
    """`value`, or null with too few starts, and where the median is a lower bound under the threshold."""
    over = pl.col("start_median_ms") >= policy.slow_start.over_seconds * 1000
    told = pl.when(over | pl.col("start_median_at_least").is_null() | pl.col("start_median_at_least").not_())
    return _enough("start_samples", 5, value=told.then(value))


def _disk(policy: Policy, value: pl.Expr) -> pl.Expr:
    return _enough("disk_samples", policy.disk_nearly_full.least_days, value=value)


def _battery(policy: Policy, value: pl.Expr) -> pl.Expr:
    return _enough("battery_days", policy.battery_worn.least_days, value=value)


def _past_support(policy: Policy) -> pl.Expr:
    # What the device tells of its licence counts before what the policy says of all.
    licensed = pl.coalesce("os_extended_held", pl.lit(policy.os_unsupported.paid_extension_held))
    held = pl.col("os_extended_free") | licensed
    days = pl.when(pl.col("os_support") == "newer_than_data").then(None).otherwise(pl.col("os_support"))
    warned = pl.col("os_support_days").fill_null(99_999) < policy.os_unsupported.warn_days
    return (days == "ended") | ((days == "extended_only") & held.not_()) | ((days == "supported") & warned)


def _memory(policy: Policy, value: pl.Expr) -> pl.Expr:
    return _enough("memory_days", policy.memory_short.least_days, value=value)


def _start_said(row: Row, plain: str) -> str:
    return f"{plain[:-1]}; it waited most for {row['start_culprit']}." if row["start_culprit"] else plain


def _support_said(row: Row, plain: str) -> str:
    days, more = row["os_support_days"], row["os_extended_days"]
    if row["os_support"] not in ("ended", "extended_only"):
        return plain
    said = f"Support of {row['os_cycle']} has ended" if days is None else f"Support ended {-days} days ago"
    if row["os_support"] == "extended_only":
        lasts = "lasts" if more is None else f"lasts {more} days more"
        said += f"; {'free' if row['os_extended_free'] else 'paid'} extended support {lasts}"
        told = {True: ", licensed here", False: ", not licensed here"}
        said += "" if row["os_extended_free"] else told.get(row["os_extended_held"], "")
    return f"{said}."


def _battery_said(row: Row, plain: str) -> str:
    return plain if row["battery_present"] else "No battery is fitted."


SLOW_START = Rule(
    id="slow_start",
    version=2,
    title="Slow start",
    suggests="fix",
    newest="start_newest_at",
    when=lambda p: _starts(p, pl.col("start_median_ms") >= p.slow_start.over_seconds * 1000),
    clears_when=lambda p: _starts(p, pl.col("start_median_ms") < p.slow_start.under_seconds * 1000),
    evidence=(
        Reads(
            "Median start", "start_median_ms", "seconds", lambda p: p.slow_start.over_seconds, "start_samples",
            lambda _: 5, 0.001, "start_median_at_least",
        ),
        Reads("Slowest tenth from", "start_p90_ms", "seconds", scale=0.001, at_least="start_p90_at_least"),
        Reads("Measured until", "start_mark", "text"),
        Reads("Kind of start", "start_kind", "text"),
        Reads("Quality of the measurement", "start_quality", "text"),
        Reads("Waited at most for", "start_culprit", "text"),
        Reads("Unexpected stops in 30 days", "unexpected_stops", "count", samples="stops_known"),
    ),
    clears=lambda p: f"The median of its starts falls under {p.slow_start.under_seconds:g} s.",
    needs="Five starts of one kind, to one mark of one quality, within 30 days.",
    says=_start_said,
)  # fmt: skip

MEMORY_SHORT = Rule(
    id="memory_short",
    version=2,
    title="Short of memory",
    suggests="upgrade",
    newest="memory_newest_at",
    when=lambda p: _memory(p, pl.col("memory_short_ratio") >= p.memory_short.over_ratio),
    clears_when=lambda p: _memory(p, pl.col("memory_short_ratio") < p.memory_short.under_ratio),
    evidence=(
        Reads(
            "Share of minutes short of memory", "memory_short_ratio", "ratio", lambda p: p.memory_short.over_ratio,
            "memory_days", lambda p: p.memory_short.least_days,
        ),
        Reads("Of these by memory nearly all committed", "memory_commit_ratio", "ratio"),
        Reads("Memory fitted", "memory_bytes", "bytes"),
    ),
    clears=lambda p: f"Under {p.memory_short.under_ratio:.0%} of its minutes are short of memory.",
    needs="Fourteen days of use, with hard faults counted, within 30 days.",
)  # fmt: skip

DISK_NEARLY_FULL = Rule(
    id="disk_nearly_full",
    version=1,
    title="Disk nearly full",
    suggests="fix",
    newest="disk_newest_at",
    when=lambda p: _disk(
        p,
        (pl.col("disk_free_ratio") < p.disk_nearly_full.over_ratio)
        | (pl.col("disk_free_bytes") < p.disk_nearly_full.over_bytes),
    ),
    clears_when=lambda p: _disk(
        p,
        (pl.col("disk_free_ratio") >= p.disk_nearly_full.under_ratio)
        & (pl.col("disk_free_bytes") >= p.disk_nearly_full.under_bytes),
    ),
    evidence=(
        Reads(
            "Free on the system volume", "disk_free_ratio", "ratio", lambda p: p.disk_nearly_full.over_ratio,
            "disk_samples", lambda p: p.disk_nearly_full.least_days,
        ),
        Reads("Bytes free", "disk_free_bytes", "bytes", lambda p: p.disk_nearly_full.over_bytes),
    ),
    clears=lambda p: (
        f"At least {p.disk_nearly_full.under_ratio:.0%} and {p.disk_nearly_full.under_bytes / 2**30:.0f} GiB are free."
    ),
    needs="Readings of free space on three days within 30.",
)  # fmt: skip

HARD_DISK = Rule(
    id="hard_disk",
    version=2,
    title="Hard disk as system drive",
    suggests="upgrade",
    newest="system_drive_newest_at",
    when=lambda _: pl.col("system_drive_kind") == "hdd",
    clears_when=lambda _: pl.col("system_drive_kind") != "hdd",
    evidence=(
        Reads("Kind of system drive", "system_drive_kind", "text", lambda _: "ssd or nvme"),
        Reads("Share of minutes in which it took 50 ms and more", "disk_wait_ratio", "ratio", samples="disk_wait_days"),
        Reads("Wear by its maker's estimate", "system_drive_wear_ratio", "ratio"),
        Reads("Warns of its failure", "system_drive_failing", "text"),
    ),
    clears=lambda _: "The system starts from a solid-state drive.",
    needs="A system drive whose kind the device can tell; virtual disks cannot.",
)

OS_UNSUPPORTED = Rule(
    id="os_unsupported",
    version=2,
    title="Operating system out of support",
    suggests="upgrade",
    newest="os_newest_at",
    when=_past_support,
    clears_when=lambda p: _past_support(p).not_(),
    evidence=(
        Reads("Days of support left", "os_support_days", "days", lambda p: p.os_unsupported.warn_days),
        Reads("Operating system", "os_cycle", "text"),
        Reads("Standing", "os_support", "text"),
        Reads("Support ends on", "os_support_ends_on", "text"),
        Reads("Days of extended support left", "os_extended_days", "days"),
        Reads("Extended support comes free", "os_extended_free", "text"),
        Reads("Extended support licensed on the device", "os_extended_held", "text"),
        Reads("End-of-life data of", "os_data_on", "text"),
    ),
    clears=lambda _: "The device runs a release that is in support.",
    needs="An operating system that the end-of-life data knows, by edition and build.",
    says=_support_said,
)

BATTERY_WORN = Rule(
    id="battery_worn",
    version=1,
    title="Battery worn",
    suggests="upgrade",
    newest="battery_newest_at",
    # A device without a battery is known not to have a worn one.
    when=lambda p: (
        pl.col("battery_present") & _battery(p, pl.col("battery_health_ratio") < p.battery_worn.over_ratio)
    ),
    clears_when=lambda p: (
        pl.col("battery_present").not_() | _battery(p, pl.col("battery_health_ratio") >= p.battery_worn.under_ratio)
    ),
    evidence=(
        Reads(
            "Full charge over design", "battery_health_ratio", "ratio", lambda p: p.battery_worn.over_ratio,
            "battery_days", lambda p: p.battery_worn.least_days,
        ),
        Reads("Charge cycles", "battery_cycles", "count"),
        Reads("Battery fitted", "battery_present", "text"),
    ),
    clears=lambda p: f"The battery is replaced, or holds {p.battery_worn.under_ratio:.0%} of its design again.",
    needs="Battery readings on five days within 90.",
    says=_battery_said,
)  # fmt: skip

RULES = (SLOW_START, MEMORY_SHORT, DISK_NEARLY_FULL, HARD_DISK, OS_UNSUPPORTED, BATTERY_WORN)
