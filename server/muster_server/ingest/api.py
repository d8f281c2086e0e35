"""`POST /api/v1/enrol` and `POST /api/v1/reports`: the two routes of the agents.

Enters: requests of devices, hostile until checked. Leaves: 201 with a token, 202 once reports are on disk (`door.py`),
or an RFC 9457 problem.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from flask import Blueprint, Flask, Response, current_app, request
from sqlalchemy.exc import DBAPIError

from muster_server import instruments
from muster_server.clock import now_ms
from muster_server.db import Database
from muster_server.encoding import encode, holds_nul
from muster_server.ingest.door import Asked, Door, inflated, limit
from muster_server.ingest.limits import Buckets
from muster_server.ingest.schema import MAX_WIRE_BYTES, EnrolAnswer, EnrolRequest
from muster_server.ingest.tokens import Revocations, make_token
from muster_server.ingest.writer import Writer, end_process
from muster_server.problems import ProblemError
from muster_server.services import current
from muster_server.store.enrolment import Enrolled, KeyRefusedError, enrol_known_or_new, enrol_split, use_key
from muster_server.store.revocations import lowest_generations

blueprint = Blueprint("ingest", __name__, url_prefix="/api/v1")
_enrol_request = msgspec.json.Decoder(EnrolRequest)


def init_app(app: Flask, database: Database, *, on_commit: Callable[[], None]) -> None:
    """Start the writer and the revocation reader of this process, and register the routes."""
    revocations = Revocations(lambda: _read_revocations(database))
    revocations.start()
    made = Door(
        key=app.config["SECRET_KEY"],
        writer=Writer(database, on_commit=on_commit, on_death=end_process),
        revocations=revocations,
        # A device posts every few minutes; after weeks offline it catches up in bursts of 96 reports.
        devices=Buckets(per_second=2, burst=120),
        strangers=Buckets(per_second=1, burst=60),
        report_seconds=app.extensions["muster"].settings.report_seconds,
    )
    app.extensions["muster_door"] = made
    app.register_blueprint(blueprint)


def door() -> Door:
    """The running application's door."""
    found: Door = current_app.extensions["muster_door"]
    return found


@blueprint.post("/enrol")
def enrol() -> Response:
    """Let a device in: by an enrolment key, or, when its identity was split, by the token it holds."""
    asked = _asked()
    limit(door().strangers, asked.address, detail="Too many enrolments from this address.")
    try:
        wished = _enrol_request.decode(inflated(asked))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ProblemError(400, "bad-request", detail=f"The body is not an enrolment: {error}"[:300]) from None
    if holds_nul(encode(wished)):
        raise ProblemError(400, "bad-request", detail="A text holds a NUL character.")
    try:
        enrolled = _enrolled(wished, asked)
    except KeyRefusedError as error:
        raise ProblemError(401, "enrolment-refused", detail=str(error)) from None
    except DBAPIError:
        raise ProblemError(
            503, "busy", detail="The store does not answer; try again later.", retry_after_seconds=30
        ) from None
    instruments.ENROLMENTS.inc()
    token = make_token(door().key, enrolled.uid, generation=enrolled.generation)
    answer = EnrolAnswer(
        device_id=enrolled.uid, token=token, generation=enrolled.generation, approved=enrolled.approved
    )
    return Response(encode(answer), 201, content_type="application/json")


@blueprint.post("/reports")
def reports() -> Response:
    """Take up to 96 reports. 202 means committed with fsync; every id stands in exactly one place of the answer."""
    # In a running server the event loop answers before Flask is asked (`front.py`).
    return Response(door().take_reports(_asked()), 202, content_type="application/json")


def _asked() -> Asked:
    headers = request.headers
    return Asked(
        authorization=headers.get("Authorization", ""),
        encoding=headers.get("Content-Encoding", ""),
        address=request.remote_addr or "",
        wire=request.stream.read(MAX_WIRE_BYTES + 1),
    )


def _enrolled(wished: EnrolRequest, asked: Asked) -> Enrolled:
    now = now_ms()
    if wished.key is not None:
        with current().database.write() as connection:
            key = use_key(connection, wished.key, now=now)
            return enrol_known_or_new(connection, wished.hardware, now=now, key=key)
    uid, _ = door().holder(asked)
    with current().database.write() as connection:
        enrolled = enrol_split(connection, uid, hints=wished.hardware, now=now)
    if enrolled is None:
        raise ProblemError(401, "device-unknown", detail="No such device: enrol with an enrolment key.")
    return enrolled


def _read_revocations(database: Database) -> dict[str, int] | None:
    try:
        with database.read() as connection:
            return lowest_generations(connection)
    except DBAPIError:
        return None
