"""`/replacements`: open recommendations, the strongest first, as a page and as CSV."""

from __future__ import annotations

import msgspec
from flask import Blueprint, Response, render_template, request

from muster_server import auth
from muster_server.clock import day_of
from muster_server.exports.recommendations import write_recommendations
from muster_server.health.findings import Finding
from muster_server.services import current
from muster_server.store import audit, lists
from muster_server.store.snapshots import newest_snapshot
from muster_server.web import paging
from muster_server.web.asked import Asked, asked_filters
from muster_server.web.choices import choices
from muster_server.web.frame import now
from muster_server.web.paging import PER_PAGE, Place

blueprint = Blueprint("replacements", __name__)
_ORDER = "replacements"


@blueprint.get("/replacements")
def replacements() -> str:
    """One part of the list."""
    narrowed, place = _asked(), paging.opened(_ORDER, request.args.get("after"))
    with current().database.read() as connection:
        lines = lists.open_recommendations(connection, place.after, limit=PER_PAGE + 1, filters=narrowed.filters())
        counts = lists.count_recommendations(connection, narrowed.filters())
        snapshot = newest_snapshot(connection)
    shown = lines[:PER_PAGE]
    beyond = Place(shown[-1]["place"], place.shown + len(shown)) if shown else Place()
    return render_template(
        "replacements.html",
        asked=narrowed,
        lines=[(line, msgspec.json.decode(line["evidence"], type=Finding)) for line in shown],
        counts=counts,
        total=sum(counts.get(name, 0) for name in ("replace", "upgrade", "fix")),
        choices=choices(snapshot, narrowed),
        place=place,
        next=paging.sealed(_ORDER, beyond) if len(lines) > PER_PAGE else None,
    )


@blueprint.get("/replacements.csv")
def replacements_csv() -> Response:
    """All of the list as the page's filters narrow it, for a spreadsheet."""
    narrowed = _asked()
    with current().database.write() as connection:
        audit.note(connection, auth.person(), action="export", target="replacements", filters=narrowed.given())
    text = write_recommendations(current().database, narrowed.filters(), bom=True)
    response = Response((line.encode() for line in text), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="muster-replacements-{day_of(now())}.csv"'
    return response


def _asked() -> Asked:
    return asked_filters("suggests", "rule", "unit")
