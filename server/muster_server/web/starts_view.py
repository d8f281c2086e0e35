"""Starts of one device by population: kind, mark and quality are never mixed. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from muster_server.clock import DAY_MS
from muster_server.fold.marks import MARKS, shown_mark
from muster_server.health.findings import Finding
from muster_server.health.percentile import nearest_rank
from muster_server.web import words
from muster_server.web.charts import Chart, Point, columns

_EXACT_MS = 7 * DAY_MS  # older starts keep only their hour (see jobs/retention.py)
_PHASES = ("firmware", "loader", "kernel", "initrd", "userspace")
_MOST_CHARTS = 4


@dataclass(frozen=True)
class Group:
    """Starts of one kind to one mark of one quality; the median is null under five."""

    kind: str
    mark: str
    quality: str
    count: int
    median_ms: int | None
    scored: bool  # whether the rule for slow starts reads this population
    chart: Chart


@dataclass(frozen=True)
class StartsView:
    """Starts newest first, and their populations, the largest first."""

    groups: list[Group]
    rows: list[dict[str, Any]]


def starts_view(starts: list[dict[str, Any]], *, slow: Finding | None, now: int) -> StartsView:
    """`starts` are rows of the store, newest first; `slow` is the finding of the rule for slow starts, if judged."""
    groups: dict[tuple[str, str, str], list[tuple[dict[str, Any], int]]] = defaultdict(list)
    for start in starts:
        shown = shown_mark(start)
        if shown is not None:
            groups[start["kind"], shown[0], start[f"{shown[0]}_quality"]].append((start, shown[1]))
    ranked = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return StartsView(
        groups=[_group(key, members, slow=slow, now=now) for key, members in ranked[:_MOST_CHARTS]],
        rows=[_row(start, now) for start in starts],
    )


def _group(
    key: tuple[str, str, str], members: list[tuple[dict[str, Any], int]], *, slow: Finding | None, now: int
) -> Group:
    kind, mark, quality = key
    values = [value for _, value in members]
    points = [Point(_when(start, now), value / 1000, words.seconds(value)) for start, value in reversed(members)]
    scored = slow is not None and _scored(slow) == key
    threshold = slow.evidence[0].threshold if slow is not None and scored else None
    chart = columns(
        f"{words.named(kind).capitalize()} until {words.named(mark)}, {quality}",
        points,
        heads=("Started", f"Until {words.named(mark)}"),
        written=lambda value: words.seconds(value * 1000),
        limit=float(threshold) if isinstance(threshold, int | float) else None,
    )
    return Group(kind, mark, quality, len(members), nearest_rank(values, 0.5), scored, chart)


def _scored(slow: Finding) -> tuple[str, str, str]:
    told = {evidence.label: str(evidence.value) for evidence in slow.evidence}
    names = ("Kind of start", "Measured until", "Quality of the measurement")
    return (told.get(names[0], ""), told.get(names[1], ""), told.get(names[2], ""))


def _row(start: dict[str, Any], now: int) -> dict[str, Any]:
    phases = [(name, start[f"{name}_ms"]) for name in _PHASES if start[f"{name}_ms"] is not None]
    notes = [
        note
        for holds, note in ((start["before_agent"], "before the agent ran"), (start["after_update"], "after an update"))
        if holds
    ]
    return {
        "when": _when(start, now),
        "kind": start["kind"],
        "marks": [(start[f"{mark}_ms"], start[f"{mark}_quality"]) for mark in MARKS],
        "phases": phases,
        "culprits": words.decoded(start["culprits"], []),
        "notes": notes,
    }


def _when(start: dict[str, Any], now: int) -> str:
    exact = now - start["zero_at"] < _EXACT_MS
    return words.moment(start["zero_at"]) if exact else f"about {words.moment(start['zero_at'])}"
