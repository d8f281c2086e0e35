"""Use of one device over its last days: minutes at each level, memory pressure, free disk space. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muster_server.fold.minutes import PRESSURE, observed, total
from muster_server.web import words
from muster_server.web.charts import Chart, Point, columns

# Edges of the twelve levels, percent (see ingest/sections.py).
EDGES = (0, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 100)
_BUSY_FROM = EDGES.index(80)
_TITLES = {"cpu": "Processor", "memory": "Memory", "disk": "Disk"}
PRESSURE_ROWS = ("under 5 %", "5 to 10 %", "10 to 20 %", "20 % and more")
PRESSURE_COLUMNS = ("under 10", "10 to 100", "100 to 1,000", "1,000 and more")


@dataclass(frozen=True)
class Level:
    """One resource: how its minutes spread, and the share of them at 80 % and above."""

    title: str
    busy_ratio: float | None
    chart: Chart


@dataclass(frozen=True)
class UseView:
    """Minutes over all days shown, with what they are made of."""

    days: int
    observed: int
    missed: int
    suspended: int
    levels: list[Level]
    pressure: list[list[int]] | None
    short_ratio: float | None  # of minutes with little memory available and many hard faults


def use_view(rows: list[dict[str, Any]]) -> UseView | None:
    """Use added up over rows of `device_days`; None where no minute is known."""
    parts = [words.decoded(row["minutes"]) for row in rows if row["minutes"]]
    summed = total(parts)
    if not observed(summed):
        return None
    pressure = summed.get(PRESSURE)
    return UseView(
        days=len(parts),
        observed=observed(summed),
        missed=sum(row["missed"] for row in rows),
        suspended=sum(row["suspended"] for row in rows),
        levels=[_level(title, summed[name]) for name, title in _TITLES.items() if name in summed],
        pressure=pressure,
        short_ratio=words.share(sum(sum(row[2:]) for row in pressure[:2]), sum(map(sum, pressure)))
        if pressure
        else None,
    )


def disk_chart(rows: list[dict[str, Any]]) -> Chart | None:
    """Free space on the system volume by day; None where it is not known for two days."""
    known = [row for row in sorted(rows, key=lambda row: row["day_at"]) if row["disk_total_bytes"]]
    if len(known) < 2:
        return None
    points = [
        Point(words.day(row["day_at"]), ratio, f"{words.percent(ratio)}, {words.size(row['disk_free_bytes'])}")
        for row in known
        for ratio in [row["disk_free_bytes"] / row["disk_total_bytes"]]
    ]
    return columns("Free on the system volume by day", points, heads=("Day", "Free"), written=words.percent, most=1.0)


def _level(title: str, levels: list[int]) -> Level:
    points = [
        Point(f"{low} to {high} %", float(number), words.minutes(number))
        for low, high, number in zip(EDGES[:-1], EDGES[1:], levels, strict=True)
    ]
    written = lambda value: words.minutes(round(value))  # noqa: E731
    chart = columns(f"{title}: minutes at each level", points, heads=("Level", "Time"), written=written)
    return Level(title, words.share(sum(levels[_BUSY_FROM:]), sum(levels)), chart)
