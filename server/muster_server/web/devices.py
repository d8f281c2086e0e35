"""`/devices`: the list, with its filters, order and place in the URL."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from muster_server.services import current
from muster_server.store import lists
from muster_server.store.device_page import find_uids
from muster_server.store.lists import Page
from muster_server.store.snapshots import newest_snapshot
from muster_server.web import paging
from muster_server.web.asked import asked, asked_filters, asked_order
from muster_server.web.choices import choices
from muster_server.web.frame import now
from muster_server.web.paging import PER_PAGE, Place

blueprint = Blueprint("devices", __name__)
_FILTERS = (
    "text", "device_class", "os_name", "verdict", "rule", "unit", "silent", "status", "lacks", "failed", "waiting",
)  # fmt: skip


@blueprint.get("/devices")
def devices() -> ResponseReturnValue:
    """Devices, narrowed and ordered as the URL says."""
    narrowed, (sort, descending) = asked_filters(*_FILTERS), asked_order()
    order = f"devices {sort} {descending}"
    place = paging.opened(order, request.args.get("after"))
    page = Page(sort=sort, descending=descending, after=place.after, limit=PER_PAGE + 1)
    with current().database.read() as connection:
        lines = lists.device_lines(connection, narrowed.filters(), page=page, now=now())
        count = lists.count_devices(connection, narrowed.filters(), now=now())
        snapshot = newest_snapshot(connection)
    shown = lines[:PER_PAGE]
    beyond = Place((shown[-1]["sort_value"], shown[-1]["id"]), place.shown + len(shown)) if shown else Place()
    return render_template(
        "devices.html",
        asked=narrowed,
        lines=shown,
        count=count,
        choices=choices(snapshot, narrowed),
        place=place,
        next=paging.sealed(order, beyond) if len(lines) > PER_PAGE else None,
        order=f"{'-' if descending else ''}{sort}",
    )


@blueprint.get("/find")
def find() -> ResponseReturnValue:
    """Straight to the device with this very serial, hostname or number; else the list of those with the text in it."""
    text = asked(request.args, "text")
    with current().database.read() as connection:
        found = find_uids(connection, text) if text else []
    if len(found) == 1:
        return redirect(url_for("device.device", name=found[0]))
    return redirect(url_for("devices.devices", text=text or None))
