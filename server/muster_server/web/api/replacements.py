"""Open recommendations, strongest first."""

from __future__ import annotations

from muster_server.services import current
from muster_server.store import lists
from muster_server.web.api.answers import Replacement, ReplacementList, device_line, flag
from muster_server.web.api.asked import ReplacementsAsked, narrowing
from muster_server.web.api.cursors import cut, opened
from muster_server.web.api.devices import coverage_of


def replacements(asked: ReplacementsAsked) -> ReplacementList:
    """Open recommendations on devices in use: first replace, then upgrade, then fix, each with its evidence.

    A recommendation is a candidate until a person accepts it. Go on with `after` until `next` is null.
    """
    filters, begun = lists.Filters(**narrowing(asked)), opened(asked)
    after = begun.place if begun else None
    whole = lists.Filters(unit=filters.unit, status="in use")
    with current().database.read() as connection:
        rows = lists.open_recommendations(connection, after, limit=asked.limit + 1, filters=filters)
        coverage = coverage_of(connection, whole, begun=begun)
    items, after_these = cut(asked, rows, place=lambda row: row["place"], coverage=coverage)
    shown = [flag(Replacement, row, flag_id=row["id"], device=device_line(row)) for row in items]
    return ReplacementList(items=shown, next=after_these, coverage=coverage)
