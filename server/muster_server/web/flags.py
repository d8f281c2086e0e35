"""People's decisions about flags: acknowledging one with a note, and taking that back."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from muster_server import auth
from muster_server.services import current
from muster_server.store import acknowledging, audit
from muster_server.web.asked import asked
from muster_server.web.device import device_page

blueprint = Blueprint("flags", __name__, url_prefix="/flags/<int:flag_id>")


@blueprint.post("/acknowledge")
def acknowledge(flag_id: int) -> ResponseReturnValue:
    """Say that somebody deals with a flag, and how."""
    note, who = asked(request.form, "note"), auth.person()
    with current().database.write() as connection:
        flag = acknowledging.flag(connection, flag_id) or abort(404)
        if note and acknowledging.acknowledge(connection, flag_id, by=who.name, note=note):
            audit.note(connection, who, action="acknowledge flag", target=flag["uid"], rule=flag["rule_id"], note=note)
    if not note:
        return device_page(flag["uid"], problems={f"note-{flag_id}": "Write who deals with it, and how."})
    return _back(flag["uid"])


@blueprint.post("/take-back")
def take_back(flag_id: int) -> ResponseReturnValue:
    """Undo an acknowledgement."""
    with current().database.write() as connection:
        flag = acknowledging.flag(connection, flag_id) or abort(404)
        if acknowledging.take_back(connection, flag_id):
            audit.note(connection, auth.person(), action="take back", target=flag["uid"], rule=flag["rule_id"])
    return _back(flag["uid"])


def _back(uid: str) -> ResponseReturnValue:
    return redirect(url_for("device.device", name=uid, _anchor="flags"), 303)
