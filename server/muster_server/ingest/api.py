"""`POST /api/v1/enrol` and `POST /api/v1/reports`: the two routes of the agents.

Enters: requests of devices, hostile until checked. Leaves: 202 once reports are on disk, or an RFC 9457 problem.
Requests never touch Redis; the store is asked once, inside the writer's transaction.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from flask import Blueprint, Flask, Response, current_app, request
from sqlalchemy.exc import DBAPIError

from muster_server import instruments
from muster_server.clock import iso, now_ms
from muster_server.db import Database
from muster_server.encoding import encode
from muster_server.ingest.decode import BadEnvelopeError, decode
from muster_server.ingest.limits import BadEncodingError, Buckets, TooLargeError, inflate, refuse_oversize
from muster_server.ingest.schema import MAX_WIRE_BYTES, EnrolAnswer, EnrolRequest, Refusal, ReportsAnswer
from muster_server.ingest.tokens import Revocations, make_token, read_token
from muster_server.ingest.writer import QueueFullError, Writer, WriterStoppedError, end_process
from muster_server.problems import ProblemError
from muster_server.services import current
from muster_server.store.enrolment import Enrolled, KeyRefusedError, enrol_known_or_new, enrol_split, use_key
from muster_server.store.reports import Batch, Taken
from muster_server.store.revocations import lowest_generations

blueprint = Blueprint("ingest", __name__, url_prefix="/api/v1")
_enrol_request = msgspec.json.Decoder(EnrolRequest)


@dataclass(frozen=True)
class Door:
    """What the two routes share in one process."""

    key: bytes
    writer: Writer
    revocations: Revocations
    devices: Buckets
    strangers: Buckets


def init_app(app: Flask, database: Database, *, on_commit: Callable[[], None]) -> None:
    """Start the writer and the revocation reader of this process, and register the routes."""
    revocations = Revocations(lambda: _read_revocations(database))
    revocations.start()
    app.extensions["muster_door"] = Door(
        key=app.config["SECRET_KEY"],
        writer=Writer(database, on_commit=on_commit, on_death=end_process),
        revocations=revocations,
        # A device posts every few minutes; after weeks offline it catches up in bursts of 96 reports.
        devices=Buckets(per_second=2, burst=120),
        strangers=Buckets(per_second=1, burst=60),
    )
    app.register_blueprint(blueprint)


def door() -> Door:
    """The running application's door."""
    found: Door = current_app.extensions["muster_door"]
    return found


@blueprint.post("/enrol")
def enrol() -> Response:
    """Let a device in: by an enrolment key, or, when its identity was split, by the token it holds."""
    _limit(door().strangers, request.remote_addr or "", detail="Too many enrolments from this address.")
    try:
        asked = _enrol_request.decode(_body())
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ProblemError(400, "bad-request", detail=f"The body is not an enrolment: {error}"[:300]) from None
    if b"\\u0000" in encode(asked):
        raise ProblemError(400, "bad-request", detail="A text holds a NUL character.")
    try:
        enrolled = _enrolled(asked)
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


def _enrolled(asked: EnrolRequest) -> Enrolled:
    now = now_ms()
    if asked.key is not None:
        with current().database.write() as connection:
            key = use_key(connection, asked.key, now=now)
            return enrol_known_or_new(connection, asked.hardware, now=now, key=key)
    uid, _ = _holder()
    with current().database.write() as connection:
        enrolled = enrol_split(connection, uid, hints=asked.hardware, now=now)
    if enrolled is None:
        raise ProblemError(401, "device-unknown", detail="No such device: enrol with an enrolment key.")
    return enrolled


@blueprint.post("/reports")
def reports() -> Response:
    """Take up to 96 reports. 202 means committed with fsync; every id stands in exactly one place of the answer."""
    holder = _holder()
    _limit(door().devices, holder[0], detail="This device posts too often.")
    received_at = now_ms()
    try:
        decoded, refused = decode(_body(), received_at)
    except BadEnvelopeError as error:
        raise ProblemError(400, "bad-request", detail=str(error)) from None
    try:
        taken = door().writer.take(Batch(*holder, received_at, decoded))
    except (QueueFullError, WriterStoppedError):
        instruments.REPORTS.labels("turned_away").inc(len(decoded))
        spread = 15 + 30 * random.random()  # noqa: S311 - spreads devices, keeps no secret
        detail = "Reports cannot be stored just now; keep them."
        raise ProblemError(503, "busy", detail=detail, retry_after_seconds=spread) from None
    if taken is None:
        raise ProblemError(401, "device-unknown", detail="No such device: enrol again.")
    return _answer(taken, refused, received_at=received_at)


def _answer(taken: Taken, refused: list[Refusal], *, received_at: int) -> Response:
    instruments.REPORTS.labels("accepted").inc(len(taken.accepted))
    instruments.REPORTS.labels("duplicate").inc(len(taken.duplicate))
    instruments.REPORTS.labels("refused").inc(sum(refusal.section is None for refusal in refused))
    answer = ReportsAnswer(
        accepted=taken.accepted,
        duplicate=taken.duplicate,
        refused=refused,
        server_time=iso(received_at),
        want=taken.want,
        next_report_seconds=taken.next_report_seconds or current().settings.report_seconds,
        identity="split" if taken.split else "keep",
    )
    return Response(encode(answer), 202, content_type="application/json")


def _holder() -> tuple[str, int]:
    """(device uid, generation) of the request's token; raises ProblemError."""
    here = door()
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    holder = read_token(here.key, token.strip()) if scheme.lower() == "bearer" else None
    if holder is None:
        _limit(here.strangers, request.remote_addr or "", detail="Too many refused tokens from this address.")
        raise ProblemError(401, "token-invalid", detail="The device token is missing or not genuine: enrol the device.")
    if not here.revocations.fresh:
        detail = "Revoked tokens cannot be checked just now."
        raise ProblemError(503, "revocations-stale", detail=detail, retry_after_seconds=30)
    if here.revocations.covers(*holder):
        raise ProblemError(403, "token-revoked", detail="An administrator revoked this device's token.")
    return holder


def _limit(buckets: Buckets, key: str, *, detail: str) -> None:
    wait = buckets.take(key)
    if wait:
        raise ProblemError(429, "too-many-requests", detail=detail, retry_after_seconds=wait)


def _body() -> bytes:
    """The request's body, inflated within the limits; raises ProblemError."""
    try:
        refuse_oversize(request.content_length or 0)
        wire = request.stream.read(MAX_WIRE_BYTES + 1)
        return inflate(wire, request.headers.get("Content-Encoding", ""))
    except TooLargeError as error:
        raise ProblemError(413, "too-large", detail=str(error)) from None
    except BadEncodingError as error:
        raise ProblemError(400, "bad-request", detail=str(error)) from None


def _read_revocations(database: Database) -> dict[str, int] | None:
    try:
        with database.read() as connection:
            return lowest_generations(connection)
    except DBAPIError:
        return None
