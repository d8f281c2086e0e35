"""Starts or sign-ins of one device by population: kind, mark and quality are never mixed. Pure.

Enters: rows of the store, newest first. Leaves: groups, each with its chart, its median and its slowest tenth,
which say `at least` where a lower bound may push them up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from muster_server.clock import DAY_MS
from muster_server.fold.marks import shown_mark
from muster_server.health.findings import Finding
from muster_server.health.percentile import LEAST_OF_TENTH, Ranked, ranked
from muster_server.web import words
from muster_server.web.charts import Chart, Point, columns

_EXACT_MS = 7 * DAY_MS  # older ones keep only their hour (see jobs/retention.py)
_MOST_CHARTS = 4


@dataclass(frozen=True)
class Group:
    """Rows of one kind to one mark of one quality; the median is null under five, the slowest tenth under twenty."""

    kind: str
    mark: str
    quality: str
    count: int
    median: Ranked
    tenth: Ranked
    bounds: int  # how many of them are lower bounds
    scored: bool  # whether the rule for slow starts reads this population
    chart: Chart

    @property
    def said(self) -> str:
        """Median, slowest tenth and lower bounds in words."""
        said = "no median under 5" if self.median.value is None else f"median {words.bounded(*self.median)}"
        said += "" if self.tenth.value is None else f", slowest tenth from {words.bounded(*self.tenth)}"
        return f"{said}; {self.bounds} took at least as long as shown" if self.bounds else said


@dataclass(frozen=True)
class Told:
    """How rows of a table are read: the column of their instant, marks, the name of a kind, the head of a chart."""

    at: str
    marks: tuple[str, ...]
    named: Callable[[str], str]
    head: str

    def when(self, row: dict[str, Any], now: int) -> str:
        """The instant of a row, or about which hour it was."""
        exact = now - row[self.at] < _EXACT_MS
        return words.moment(row[self.at]) if exact else f"about {words.moment(row[self.at])}"


def groups(rows: Sequence[dict[str, Any]], told: Told, *, slow: Finding | None = None, now: int) -> list[Group]:
    """The largest populations first; `slow` is the finding of the rule for slow starts, if judged."""
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        shown = shown_mark(row, told.marks)
        if shown is not None:
            found[row["kind"], shown[0], row[f"{shown[0]}_quality"]].append(row)
    ranked_by_size = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return [_group(key, (members, told), slow=slow, now=now) for key, members in ranked_by_size[:_MOST_CHARTS]]


def _group(
    key: tuple[str, str, str], members: tuple[list[dict[str, Any]], Told], *, slow: Finding | None, now: int
) -> Group:
    (kind, mark, quality), (rows, told) = key, members
    values = [(row[f"{mark}_ms"], bool(row[f"{mark}_at_least"])) for row in rows]
    points = [
        Point(told.when(row, now), value / 1000, words.bounded(value, at_least))
        for row, (value, at_least) in zip(reversed(rows), reversed(values), strict=True)
    ]
    scored = slow is not None and _scored(slow) == key
    threshold = slow.evidence[0].threshold if slow is not None and scored else None
    chart = columns(
        f"{told.named(kind).capitalize()} until {words.named(mark)}, {quality}",
        points,
        heads=(told.head, f"Until {words.named(mark)}"),
        written=lambda value: words.seconds(value * 1000),
        limit=float(threshold) if isinstance(threshold, int | float) else None,
    )
    tenth = ranked(values, 0.9, least=LEAST_OF_TENTH)
    median, bounds = ranked(values, 0.5), sum(at_least for _, at_least in values)
    return Group(kind, mark, quality, len(rows), median, tenth, bounds, scored, chart)


def _scored(slow: Finding) -> tuple[str, str, str]:
    told = {evidence.label: str(evidence.value) for evidence in slow.evidence}
    names = ("Kind of start", "Measured until", "Quality of the measurement")
    return (told.get(names[0], ""), told.get(names[1], ""), told.get(names[2], ""))
