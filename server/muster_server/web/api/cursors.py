"""Cursors: where a list goes on. Signed, so that what comes back was made here, for the same question.

A cursor carries the place after which to go on, and the coverage that was counted when the list began: a list that is
read in many parts has one coverage, and its devices are counted once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from flask import current_app
from itsdangerous import BadData, URLSafeSerializer
from msgspec import UNSET

from muster_server.encoding import canonical
from muster_server.problems import ProblemError
from muster_server.web.api.answers import Coverage
from muster_server.web.api.asked import Part, narrowing


class Begun(NamedTuple):
    """A list that goes on: after which place, and with which coverage it began."""

    place: Any
    coverage: Coverage | None


def opened(asked: Part) -> Begun | None:
    """What the cursor that was sent says, None without one; raises ProblemError 400 for one of another question."""
    if asked.after is UNSET:
        return None
    try:
        place, coverage = _serializer(asked).loads(asked.after)
    except BadData:
        detail = "Parameter `after` takes `next` of an answer to this same question, with nothing but `limit` changed."
        raise ProblemError(400, "bad-parameter", detail=detail) from None
    return Begun(place, msgspec.convert(coverage, Coverage | None))


def cut(
    asked: Part, rows: list[Any], *, place: Callable[[Any], Any], coverage: Coverage | None = None
) -> tuple[list[Any], str | None]:
    """The rows to show and the cursor of the next part, out of one row more than was asked for."""
    items = rows[: asked.limit]
    if len(rows) <= asked.limit:
        return items, None
    return items, str(_serializer(asked).dumps([place(items[-1]), msgspec.to_builtins(coverage)]))


def _serializer(asked: Part) -> URLSafeSerializer:
    key: bytes = current_app.config["SECRET_KEY"]
    return URLSafeSerializer(key, salt=f"cursor of {type(asked).__name__} {canonical(narrowing(asked))}")
