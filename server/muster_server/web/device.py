"""`/devices/<name>`: one device, its evidence and its software; approving it."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from muster_server import auth
from muster_server.services import current
from muster_server.store import audit, enrolment
from muster_server.store import device_page as store
from muster_server.store.device import device_line, software_of
from muster_server.web.asked import asked
from muster_server.web.device_view import device_view, sheet_of
from muster_server.web.frame import now
from muster_server.web.use_view import FAULT_COLUMNS

blueprint = Blueprint("device", __name__, url_prefix="/devices/<name>")
_NEWEST_TITLES = 8


@blueprint.get("")
def device(name: str) -> ResponseReturnValue:
    """A device by its number; by its serial or hostname the way there, or to the list of those that share it."""
    return device_page(name)


def device_page(name: str, *, problems: dict[str, str] | None = None) -> ResponseReturnValue:
    """The page of a device; `problems` (id of a field -> sentence) are what is wrong with a form that was sent."""
    with current().database.read() as connection:
        page = store.device_page(connection, name, now=now())
        others = [] if page else store.find_uids(connection, name)
        titles = software_of(connection, page.record.line["id"]) if page else []
    if page is None:
        if not others:
            abort(404)
        found = url_for("device.device", name=others[0])
        return redirect(found if len(others) == 1 else url_for("devices.devices", text=name))
    dated = [title for title in titles if title["installed_on"]]
    body = render_template(
        "device.html",
        view=device_view(page, now=now()),
        line=page.record.line,
        problems=problems or {},
        newest_titles=sorted(dated, key=lambda title: title["installed_on"], reverse=True)[:_NEWEST_TITLES],
        fault_columns=FAULT_COLUMNS,
    )
    return body, 400 if problems else 200


@blueprint.get("/evidence/<int:assessment_id>")
def evidence(name: str, assessment_id: int) -> ResponseReturnValue:
    """One kept assessment: the sheet that a finance board can question."""
    with current().database.read() as connection:
        line = device_line(connection, name) or abort(404)
        kept = store.assessment(connection, assessment_id, device_id=line["id"]) or abort(404)
    return render_template("evidence.html", line=line, sheet=sheet_of(kept), stands=kept["id"] == line["assessment_id"])


@blueprint.get("/software")
def software(name: str) -> ResponseReturnValue:
    """Every title that a device listed, or those with a text in their name."""
    text = asked(request.args, "text")
    with current().database.read() as connection:
        line = device_line(connection, name) or abort(404)
        titles = software_of(connection, line["id"])
    words = text.lower()
    shown = [title for title in titles if words in f"{title['name']} {title['version']} {title['publisher']}".lower()]
    return render_template("software.html", line=line, titles=shown, listed=len(titles), text=text)


@blueprint.post("/approve")
def approve(name: str) -> ResponseReturnValue:
    """Let a waiting device count in figures, flags and plans."""
    with current().database.write() as connection:
        if enrolment.approve(connection, name, now=now()):
            audit.note(connection, auth.person(), action="approve device", target=name)
    return redirect(url_for("device.device", name=name), 303)
