"""The door of one process: who may come in, how much at once, and the taking of reports.

Enters: WSGI environments of devices, hostile until checked. Leaves: the JSON of a 202 once reports are on disk, or a
ProblemError. Requests never touch Redis; the store is asked once, inside the writer's transaction.

It knows no framework, because it runs for every report of the estate: Flask's routing, session, request and response
cost three times what is done here (`Gate`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from werkzeug.wsgi import get_input_stream

from muster_server import instruments
from muster_server.clock import iso, now_ms
from muster_server.encoding import encode
from muster_server.ingest.decode import BadEnvelopeError, decode
from muster_server.ingest.limits import BadEncodingError, Buckets, TooLargeError, inflate
from muster_server.ingest.schema import MAX_WIRE_BYTES, Refusal, ReportsAnswer
from muster_server.ingest.tokens import Revocations, read_token
from muster_server.ingest.writer import QueueFullError, Writer, WriterStoppedError
from muster_server.problems import ProblemError
from muster_server.store.reports import Batch, Taken

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

REPORTS_PATH = "/api/v1/reports"
_MOST_DRAINED_BYTES = 32 * MAX_WIRE_BYTES
_PIECE_BYTES = 65_536
_accepted, _duplicate, _refused, _turned_away = (
    instruments.REPORTS.labels(outcome) for outcome in ("accepted", "duplicate", "refused", "turned_away")
)


@dataclass(frozen=True)
class Door:
    """What the routes of agents share in one process."""

    key: bytes
    writer: Writer
    revocations: Revocations
    devices: Buckets
    strangers: Buckets
    report_seconds: int  # told to devices without orders of their own

    def take_reports(self, environ: Environ) -> bytes:
        """Take up to 96 reports; gives the JSON of the answer, whose status is 202. Raises ProblemError."""
        wire = read_wire(environ)
        holder = self.holder(environ)
        limit(self.devices, holder[0], detail="This device posts too often.")
        received_at = now_ms()
        try:
            decoded, refused = decode(inflated(wire, environ), received_at)
        except BadEnvelopeError as error:
            raise ProblemError(400, "bad-request", detail=str(error)) from None
        try:
            taken = self.writer.take(Batch(*holder, received_at, decoded))
        except (QueueFullError, WriterStoppedError):
            _turned_away.inc(len(decoded))
            spread = 15 + 30 * random.random()  # noqa: S311 - spreads devices, keeps no secret
            detail = "Reports cannot be stored just now; keep them."
            raise ProblemError(503, "busy", detail=detail, retry_after_seconds=spread) from None
        if taken is None:
            raise ProblemError(401, "device-unknown", detail="No such device: enrol again.")
        return self._answer(taken, refused, received_at=received_at)

    def holder(self, environ: Environ) -> tuple[str, int]:
        """(device uid, generation) of the request's token; raises ProblemError."""
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        found = read_token(self.key, token.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            limit(self.strangers, environ.get("REMOTE_ADDR", ""), detail="Too many refused tokens from this address.")
            raise ProblemError(
                401, "token-invalid", detail="The device token is missing or not genuine: enrol the device."
            )
        if not self.revocations.fresh:
            detail = "Revoked tokens cannot be checked just now."
            raise ProblemError(503, "revocations-stale", detail=detail, retry_after_seconds=30)
        if self.revocations.covers(*found):
            raise ProblemError(403, "token-revoked", detail="An administrator revoked this device's token.")
        return found

    def _answer(self, taken: Taken, refused: list[Refusal], *, received_at: int) -> bytes:
        _accepted.inc(len(taken.accepted))
        if taken.duplicate:
            _duplicate.inc(len(taken.duplicate))
        if refused:
            _refused.inc(sum(refusal.section is None for refusal in refused))
        answer = ReportsAnswer(
            accepted=taken.accepted,
            duplicate=taken.duplicate,
            refused=refused,
            server_time=iso(received_at),
            want=taken.want,
            next_report_seconds=taken.next_report_seconds or self.report_seconds,
            identity="split" if taken.split else "keep",
        )
        return encode(answer)


class Gate:
    """WSGI in front of Flask: answers posted reports itself and hands everything else on.

    Measured on one core, a report of 1.5 kB: 230 microseconds through Flask's request, session, routing and response
    objects, 60 without.
    """

    def __init__(self, door: Door, app: App) -> None:
        self._door = door
        self._app = app

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != REPORTS_PATH or environ["REQUEST_METHOD"] != "POST":
            return self._app(environ, start_response)
        try:
            body = self._door.take_reports(environ)
        except ProblemError as problem:
            return problem.response()(environ, start_response)
        start_response("202 ACCEPTED", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return (body,)


def limit(buckets: Buckets, key: str, *, detail: str) -> None:
    """Take one from a bucket; raises ProblemError when it is empty."""
    wait = buckets.take(key)
    if wait:
        raise ProblemError(429, "too-many-requests", detail=detail, retry_after_seconds=wait)


def read_wire(environ: Environ) -> bytes:
    """A request's body as it comes, at most one byte more than the wire may carry.

    It is read before anything is answered, and what is too much is read and thrown away: a sender that is answered in
    the middle of its body sees its connection break, never learns why, and sends the same again.
    """
    stream = get_input_stream(environ)
    wire = stream.read(MAX_WIRE_BYTES + 1)
    left = _MOST_DRAINED_BYTES if len(wire) > MAX_WIRE_BYTES else 0
    while left > 0 and (piece := stream.read(_PIECE_BYTES)):
        left -= len(piece)
    return wire


def inflated(wire: bytes, environ: Environ) -> bytes:
    """A request's body without its encoding, within the limits; raises ProblemError."""
    try:
        return inflate(wire, environ.get("HTTP_CONTENT_ENCODING", ""))
    except TooLargeError as error:
        raise ProblemError(413, "too-large", detail=str(error)) from None
    except BadEncodingError as error:
        raise ProblemError(400, "bad-request", detail=str(error)) from None
