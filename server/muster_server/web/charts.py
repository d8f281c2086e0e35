"""Charts as plain shapes. Pure. Enters: figures in order. Leaves: a `Chart` that a template draws as SVG.

A chart is one picture (role `img`) with title and description, and the same numbers as a table beside it. Shapes stand
in a box 100 high; labels are text of the page, so that they stay legible at any width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from muster_server.web.words import seconds

_BOX = 100.0
_LEAST = 1.5  # a value that is not nothing must be seen


@dataclass(frozen=True)
class Shape:
    """A rectangle, with what it says when pointed at. `kind` is a class of the style sheet."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    says: str


@dataclass(frozen=True)
class Chart:
    """One picture and its numbers."""

    title: str
    describes: str
    width: float
    shapes: list[Shape]
    table: list[tuple[str, str]]
    heads: tuple[str, str]
    top: str = ""  # what the upper edge stands for
    first: str = ""
    last: str = ""
    limit: float | None = None  # height of a dashed line, from the top
    limit_says: str = ""
    keys: list[tuple[str, str]] = field(default_factory=list)  # kind -> what it stands for


@dataclass(frozen=True)
class Point:
    """One column: what it is, its value (None: not known), and the value in words."""

    label: str
    value: float | None
    says: str


def columns(
    title: str,
    points: Sequence[Point],
    *,
    heads: tuple[str, str],
    written: Callable[[float], str],
    **more: float | None,
) -> Chart:
    """A column a point, in their order; `limit` draws a line, `most` fixes the upper edge."""
    limit, most = more.get("limit"), more.get("most")
    known = [point.value for point in points if point.value is not None]
    edge = most or max([*known, limit * 1.25 if limit else 0.0], default=0.0) or 1.0
    shapes = [
        Shape(index + 0.12, _BOX - height, 0.76, height, _kind(point.value, limit), f"{point.label}: {point.says}")
        for index, point in enumerate(points)
        if point.value is not None
        for height in [_height(point.value, edge)]
    ]
    return Chart(
        title=title,
        describes=_described(points, limit, written=written),
        width=float(max(1, len(points))),
        shapes=shapes,
        table=[(point.label, point.says) for point in points],
        heads=heads,
        top=written(edge),
        first=points[0].label if points else "",
        last=points[-1].label if len(points) > 1 else "",
        limit=None if limit is None else _BOX - _BOX * limit / edge,
        limit_says="" if limit is None else f"limit {written(limit)}",
    )


@dataclass(frozen=True)
class Course:
    """Durations that follow each other, the first at the bottom of its column: name, milliseconds."""

    label: str
    parts: list[tuple[str, int]]


def courses(title: str, told: Sequence[Course], *, heads: tuple[str, str], kinds: Mapping[str, str]) -> Chart:
    """A column a course, in their order; `kinds` names the class of each part, in the order of the key."""
    edge = max((sum(value for _, value in course.parts) for course in told), default=0) or 1
    shapes, table = [], []
    for index, course in enumerate(told):
        y = _BOX
        for name, value in course.parts:
            height = _BOX * value / edge
            y -= height
            said = f"{course.label}: {name} {seconds(value)}"
            shapes.append(Shape(index + 0.12, y, 0.76, height, kinds[name], said))
        parts = ", ".join(f"{name} {seconds(value)}" for name, value in course.parts)
        table.append((course.label, f"{parts}; {seconds(sum(value for _, value in course.parts))} together"))
    known = {name for course in told for name, _ in course.parts}
    there = [name for name in kinds if name in known]
    return Chart(
        title=title,
        describes=f"{len(told)} columns, up to {seconds(edge)}, of {', '.join(there)}.",
        width=float(max(1, len(told))),
        shapes=[shape for shape in shapes if shape.height],
        table=table,
        heads=heads,
        top=seconds(edge),
        first=told[0].label if told else "",
        last=told[-1].label if len(told) > 1 else "",
        keys=[(kinds[name], name) for name in there],
    )


def stacked(title: str, parts: Mapping[str, int], *, heads: tuple[str, str], kinds: Mapping[str, str]) -> Chart:
    """One bar of parts side by side, each as wide as its share of the whole."""
    whole = sum(parts.values()) or 1
    shapes, x = [], 0.0
    for name, number in parts.items():
        width = _BOX * number / whole
        if number:
            shapes.append(Shape(x, 0.0, width, _BOX, kinds.get(name, "other"), f"{name}: {number:,}"))
        x += width
    said = ", ".join(f"{name} {number:,}" for name, number in parts.items() if number) or "nothing"
    table = [(name, f"{number:,}") for name, number in parts.items()]
    keys = [(kinds.get(name, "other"), name) for name, number in parts.items() if number]
    return Chart(title, f"{title}: {said}.", _BOX, shapes, table, heads, keys=keys)


def meter(ratio: float, *, kind: str = "bar") -> list[Shape]:
    """A single bar filled to `ratio`."""
    filled = _BOX * min(1.0, max(0.0, ratio))
    return [Shape(0.0, 0.0, filled, _BOX, kind, "")]


def _height(value: float, edge: float) -> float:
    return max(_LEAST, _BOX * min(1.0, value / edge)) if value else 0.0


def _kind(value: float, limit: float | None) -> str:
    return "over" if limit is not None and value >= limit else "bar"


def _described(points: Sequence[Point], limit: float | None, *, written: Callable[[float], str]) -> str:
    known = [point.value for point in points if point.value is not None]
    if not known:
        return "Nothing is known yet."
    said = f"{len(known)} of {len(points)} known, from {written(min(known))} to {written(max(known))}"
    over = (
        "" if limit is None else f"; {sum(value >= limit for value in known)} at or over the limit of {written(limit)}"
    )
    return f"{said}{over}."
