"""End-of-life data: products, their release cycles, and where a cycle stands on a given day.

The data is a dated snapshot of endoflife.date (MIT, see endoflife.LICENSE), shipped inside. `eol` and `extendedSupport`
are a date, false (not ended or not announced) or true (ended, date unknown).
"""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

Support = Literal["supported", "ended", "extended_only", "newer_than_data"]


class Cycle(msgspec.Struct, frozen=True, rename="camel"):
    """One release cycle of a product."""

    name: str
    release_date: str | None = None
    eol: str | bool = False
    extended_support: str | bool = False
    latest: str | None = None


class Product(msgspec.Struct, frozen=True):
    """A product and its cycles, newest first."""

    slug: str
    label: str
    cycles: list[Cycle]


class _Snapshot(msgspec.Struct, frozen=True, rename="camel"):
    commit_date: str
    products: list[Product]


class Standing(msgspec.Struct, frozen=True):
    """Where a cycle stands on one day. Days are counted from that day, negative once past; null when not announced."""

    support: Support
    ends_on: str | None
    days: int | None
    extended_days: int | None


@cache
def products() -> dict[str, Product]:
    """Every product by its slug."""
    return {product.slug: product for product in _snapshot().products}


def data_on() -> str:
    """The day of the snapshot, ISO."""
    return _snapshot().commit_date[:10]


def standing(cycle: Cycle, on: date) -> Standing:
    """Where `cycle` stands on a day."""
    days = _days(cycle.eol, on)
    extended = _days(cycle.extended_support, on)
    ended = cycle.eol is True or (days is not None and days < 0)
    ends_on = cycle.eol if isinstance(cycle.eol, str) else None
    if not ended:
        return Standing("supported", ends_on, days, extended)
    kept = extended is not None and extended >= 0
    return Standing("extended_only" if kept else "ended", ends_on, days, extended)


@cache
def _snapshot() -> _Snapshot:
    raw = resources.files("muster_server.catalogue").joinpath("endoflife.json").read_bytes()
    return msgspec.json.decode(raw, type=_Snapshot)


def _days(end: str | bool, on: date) -> int | None:  # noqa: FBT001 - the data has dates and booleans
    return (date.fromisoformat(end) - on).days if isinstance(end, str) else None
