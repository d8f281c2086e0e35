"""Where a list goes on: a signed place in the URL, so that what comes back was made here for the same order."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import abort, current_app
from itsdangerous import BadData, URLSafeSerializer

PER_PAGE = 50


class Place(NamedTuple):
    """After which line a list goes on, and how many lines stood before."""

    after: tuple[Any, int] | None = None
    shown: int = 0


def sealed(order: str, place: Place) -> str:
    """The text for the URL of the next part of a list in `order`."""
    return _serializer(order).dumps([place.after, place.shown])


def opened(order: str, text: str | None) -> Place:
    """The place in a URL; aborts with 400 when it was not made for this order."""
    if not text:
        return Place()
    try:
        after, shown = _serializer(order).loads(text)
    except BadData:
        abort(400, "This link to the next part of a list was cut or changed: go back to the list's first page.")
    return Place((after[0], after[1]), shown)


def _serializer(order: str) -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=f"page {order}")
