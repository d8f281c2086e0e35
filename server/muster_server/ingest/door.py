"""The door of one process: who may come in, how much at once, and the taking of reports.

Enters: what requests of devices say, hostile until checked. Leaves: batches to store, then the JSON of a 202 once they
are on disk, or a ProblemError. Requests never touch Redis; the store is asked once, inside the writer's transaction.

It knows no framework: reports come in through the event loop (`front.py`), and through Flask where there is none.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple

from muster_server import instruments
from muster_server.clock import iso, now_ms
from muster_server.encoding import encode
from muster_server.ingest.decode import BadEnvelopeError, decode
from muster_server.ingest.limits import BadEncodingError, Buckets, TooLargeError, inflate
from muster_server.ingest.schema import Refusal, ReportsAnswer
from muster_server.ingest.tokens import Revocations, read_token
from muster_server.ingest.writer import QueueFullError, Writer, WriterStoppedError
from muster_server.problems import ProblemError
from muster_server.store.reports import Batch, Taken

_accepted, _duplicate, _refused, _turned_away = (
    instruments.REPORTS.labels(outcome) for outcome in ("accepted", "duplicate", "refused", "turned_away")
)


class Asked(NamedTuple):
    """What the door reads of a request: two headers, the sender's address, the body as it came."""

    authorization: str
    encoding: str
    address: str
    wire: bytes


class Opened(NamedTuple):
    """A request whose readable reports may be stored."""

    batch: Batch
    refused: list[Refusal]


@dataclass(frozen=True)
class Door:
    """What the routes of agents share in one process."""

    key: bytes
    writer: Writer
    revocations: Revocations
    devices: Buckets
    strangers: Buckets
    report_seconds: int  # told to devices without orders of their own

    def take_reports(self, asked: Asked) -> bytes:
        """Take up to 96 reports; gives the JSON of the answer, whose status is 202. Raises ProblemError."""
        opened = self.open(asked)
        try:
            taken = self.writer.take(opened.batch)
        except (QueueFullError, WriterStoppedError):
            raise self.busy(opened) from None
        return self.answer(opened, taken)

    def open(self, asked: Asked) -> Opened:
        """Everything before the store; raises ProblemError."""
        holder = self.holder(asked)
        limit(self.devices, holder[0], detail="This device posts too often.")
        received_at = now_ms()
        try:
            decoded, refused = decode(inflated(asked), received_at)
        except BadEnvelopeError as error:
            raise ProblemError(400, "bad-request", detail=str(error)) from None
        return Opened(Batch(*holder, received_at, decoded), refused)

    def busy(self, opened: Opened) -> ProblemError:
        """What to answer when the store takes nothing just now."""
        _turned_away.inc(len(opened.batch.reports))
        spread = 15 + 30 * random.random()  # noqa: S311 - spreads devices, keeps no secret
        detail = "Reports cannot be stored just now; keep them."
        return ProblemError(503, "busy", detail=detail, retry_after_seconds=spread)

    def answer(self, opened: Opened, taken: Taken | None) -> bytes:
        """The JSON of the 202 once the batch is on disk; raises ProblemError when the store knows no such device."""
        if taken is None:
            raise ProblemError(401, "device-unknown", detail="No such device: enrol again.")
        _accepted.inc(len(taken.accepted))
        if taken.duplicate:
            _duplicate.inc(len(taken.duplicate))
        if opened.refused:
            _refused.inc(sum(refusal.section is None for refusal in opened.refused))
        answer = ReportsAnswer(
            accepted=taken.accepted,
            duplicate=taken.duplicate,
            refused=opened.refused,
            server_time=iso(opened.batch.received_at),
            want=taken.want,
            next_report_seconds=taken.next_report_seconds or self.report_seconds,
            identity="split" if taken.split else "keep",
        )
        return encode(answer)

    def holder(self, asked: Asked) -> tuple[str, int]:
        """(device uid, generation) of the request's token; raises ProblemError."""
        scheme, _, token = asked.authorization.partition(" ")
        found = read_token(self.key, token.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            limit(self.strangers, asked.address, detail="Too many refused tokens from this address.")
            raise ProblemError(
                401, "token-invalid", detail="The device token is missing or not genuine: enrol the device."
            )
        if not self.revocations.fresh:
            detail = "Revoked tokens cannot be checked just now."
            raise ProblemError(503, "revocations-stale", detail=detail, retry_after_seconds=30)
        if self.revocations.covers(*found):
            raise ProblemError(403, "token-revoked", detail="An administrator revoked this device's token.")
        return found


def limit(buckets: Buckets, key: str, *, detail: str) -> None:
    """Take one from a bucket; raises ProblemError when it is empty."""
    wait = buckets.take(key)
    if wait:
        raise ProblemError(429, "too-many-requests", detail=detail, retry_after_seconds=wait)


def inflated(asked: Asked) -> bytes:
    """A request's body without its encoding, within the limits; raises ProblemError."""
    try:
        return inflate(asked.wire, asked.encoding)
    except TooLargeError as error:
        raise ProblemError(413, "too-large", detail=str(error)) from None
    except BadEncodingError as error:
        raise ProblemError(400, "bad-request", detail=str(error)) from None
