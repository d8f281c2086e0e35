"""`/`: the estate at one look: what got worse, where and why."""

from __future__ import annotations

from flask import Blueprint, render_template
from sqlalchemy import Connection

from muster_server.clock import DAY_MS
from muster_server.services import current
from muster_server.store.lists import Filters, Page, count_devices, device_lines, newest_flag_changes
from muster_server.store.snapshots import newest_snapshot
from muster_server.web.estate_view import estate_view, moves
from muster_server.web.frame import now, rules

blueprint = Blueprint("estate", __name__)
_CHANGES = 12
_FEW = 5  # so few devices are shown one by one


@blueprint.get("/")
def estate() -> str:
    """The newest snapshot, the newest flags, and, in a small estate, the devices themselves."""
    with current().database.read() as connection:
        snapshot = newest_snapshot(connection)
        changes = newest_flag_changes(connection, now() - 30 * DAY_MS, limit=_CHANGES)
        few = device_lines(connection, Filters(), page=Page(limit=_FEW + 1), now=now())
        waiting = snapshot.awaiting_approval if snapshot else _count_waiting(connection)
    return render_template(
        "estate.html",
        view=estate_view(snapshot, rules=rules()) if snapshot else None,
        changes=moves(changes),
        few=few if len(few) <= _FEW else [],
        any_device=bool(few),
        waiting=waiting,
    )


def _count_waiting(connection: Connection) -> int:
    return count_devices(connection, Filters(waiting=True), now=now())
