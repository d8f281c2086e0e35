"""`/coverage`: what is not known of the estate, why, and what to do about it."""

from __future__ import annotations

from flask import Blueprint, render_template

from muster_server.services import current
from muster_server.store.snapshots import newest_snapshot
from muster_server.web.coverage_view import check_lines, collector_lines, fact_lines

blueprint = Blueprint("coverage", __name__)


@blueprint.get("/coverage")
def coverage() -> str:
    """Facts by how often they are missing, then collectors that failed."""
    with current().database.read() as connection:
        snapshot = newest_snapshot(connection)
    return render_template(
        "coverage.html",
        snapshot=snapshot,
        facts=fact_lines(snapshot) if snapshot else [],
        collectors=collector_lines(snapshot) if snapshot else [],
        checks=check_lines(snapshot) if snapshot else [],
    )
