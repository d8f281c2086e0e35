"""Use of one device over its last days: minutes at each level, memory pressure, free disk space. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muster_server.fold.minutes import (
    AVAILABLE_SHORT,
    COMMIT,
    COMMITTED_SHORT,
    FAULTING,
    PRESSURE,
    WAIT,
    observed,
    short_of_memory,
    total,
)
from muster_server.web import words
from muster_server.web.charts import Chart, Point, columns

# Edges of the twelve levels, percent (see ingest/sections.py).
EDGES = (0, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 100)
_BUSY_FROM = EDGES.index(80)
_TITLES = {"cpu": "Processor", "memory": "Memory", "disk": "Disk"}
FAULT_COLUMNS = ("under 10", "10 to 100", "100 to 1,000", "1,000 and more")
_WAITS = ("under 1", "1 to 2", "2 to 5", "5 to 10", "10 to 20", "20 to 50", "50 to 100", "100 and more")
# Table -> its title, the head and the names of its rows, and the rows that are short of memory.
_PRESSURES = {
    PRESSURE: (
        "Memory available and hard faults", "Memory available",
        ("under 5 %", "5 to 10 %", "10 to 20 %", "20 % and more"), AVAILABLE_SHORT,
    ),
    COMMIT: (
        "Memory committed and hard faults", "Memory committed",
        ("under 70 %", "70 to 80 %", "80 to 90 %", "90 % and more of its limit"), COMMITTED_SHORT,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Level:
    """One resource: how its minutes spread, and the share of them at 80 % and above."""

    title: str
    busy_ratio: float | None
    chart: Chart


@dataclass(frozen=True)
class Pressure:
    """Minutes by memory and hard faults; each cell with whether it counts as short of memory."""

    title: str
    head: str
    rows: list[tuple[str, list[tuple[int, bool]]]]


@dataclass(frozen=True)
class UseView:
    """Minutes over all days shown, with what they are made of."""

    days: int
    observed: int
    missed: int
    suspended: int
    levels: list[Level]
    pressures: list[Pressure]
    short_ratio: float | None  # of minutes short of memory, at least
    wait: Chart | None  # how long the slowest drive took for an operation


def use_view(rows: list[dict[str, Any]]) -> UseView | None:
    """Use added up over rows of `device_days`; None where no minute is known."""
    parts = [words.decoded(row["minutes"]) for row in rows if row["minutes"]]
    summed = total(parts)
    if not observed(summed):
        return None
    shortage = short_of_memory(parts)
    return UseView(
        days=len(parts),
        observed=observed(summed),
        missed=sum(row["missed"] for row in rows),
        suspended=sum(row["suspended"] for row in rows),
        levels=[_level(title, summed[name]) for name, title in _TITLES.items() if name in summed],
        pressures=[_pressure(name, summed[name]) for name in _PRESSURES if name in summed],
        short_ratio=words.share(shortage.short, shortage.minutes) if shortage else None,
        wait=_wait(summed[WAIT]) if sum(summed.get(WAIT, ())) else None,
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


def _pressure(name: str, table: list[list[int]]) -> Pressure:
    title, head, rows, short = _PRESSURES[name]
    cells = [
        [(n, row in short and column >= FAULTING.start) for column, n in enumerate(of_row)]
        for row, of_row in enumerate(table)
    ]
    return Pressure(title, head, list(zip(rows, cells, strict=True)))


def _wait(levels: list[int]) -> Chart:
    points = [Point(f"{name} ms", float(n), words.minutes(n)) for name, n in zip(_WAITS, levels, strict=True)]
    written = lambda value: words.minutes(round(value))  # noqa: E731
    return columns("Drive: minutes by time an operation took", points, heads=("Took", "Time"), written=written)
