"""Brings what the spool holds to the server, and says what the server wants.

Enters: a spool, a client, an identity. Leaves: an emptier spool and a `Told`. After a fault it says how long to wait:
full jitter, base 5 s, cap 1 h, and a Retry-After may stretch it.
"""

from __future__ import annotations

import random
import re
from typing import Any, NamedTuple

from muster_agent.machine import Machine
from muster_agent.report import envelope
from muster_agent.spool import Spool
from muster_agent.transport import Answer, Client, NetworkFaultError

MOST_REPORTS = 96
MOST_BYTES = 1_500_000  # of JSON, well under what the server inflates; gzip brings it under its limit on the wire
_BASE_SECONDS, _CAP_SECONDS = 5.0, 3_600.0
_ID = re.compile(rb'\{"report_id":"([0-9a-f:]{1,64})"')


class Told(NamedTuple):
    """What came of one request: how long to wait (0: go on at once), and what the server asked for."""

    wait_seconds: float
    want: tuple[str, ...] = ()
    next_report_seconds: int | None = None
    trouble: str = ""  # a key of TROUBLES, or the reason of a fault


TROUBLES = {
    "split": "This device's identity is in use on another one as well; it enrols anew.",
    "unknown": "The server does not know this device, or its token; it enrols anew if an enrolment key is set.",
    "revoked": "An administrator revoked this device's token; the server is asked again once an hour.",
    "bad-request": "The server cannot read a report; it is put aside once it is found.",
    "too-large": "The reports are too large for the server in one piece; fewer are sent at once.",
}


class Sender:
    """Sends batches, halves them when they are too much, and backs off."""

    def __init__(self, client: Client, machine: Machine, *, version: str) -> None:
        self._client, self._machine, self._version = client, machine, version
        self._most_reports = MOST_REPORTS
        self._failures = 0

    def send(self, spool: Spool, token: str) -> Told:
        """Send one batch, the newest reports first."""
        batch = spool.batch(self._most_reports, MOST_BYTES)
        if not batch:
            return Told(0.0)
        body = envelope(self._machine, self._version, reports=[report for _, report in batch])
        try:
            answer = self._client.post("/api/v1/reports", body, token=token)
        except NetworkFaultError as fault:
            return self.back_off(str(fault), fault.retry_after_seconds)
        return self._heed(answer, spool, batch=batch)

    def _heed(self, answer: Answer, spool: Spool, *, batch: list[tuple[int, bytes]]) -> Told:
        if answer.status == 202:
            if not settle(spool, batch, body=answer.body):
                return self.back_off("it names none of the reports that it was sent")
            self._failures = 0
            self._most_reports = min(MOST_REPORTS, self._most_reports * 2)
            return _told(answer.body)
        if answer.problem in ("bad-request", "too-large"):
            return self._shrink(answer.problem, spool, batch=batch)
        if answer.problem == "token-revoked":
            return Told(_CAP_SECONDS, trouble="revoked")
        if answer.problem in ("token-invalid", "device-unknown"):
            return self.back_off("unknown")
        return self.back_off(f"status {answer.status}", answer.retry_after_seconds)

    def _shrink(self, problem: str, spool: Spool, *, batch: list[tuple[int, bytes]]) -> Told:
        """Half as many reports next time; one that is refused alone is put aside."""
        self._most_reports = max(1, len(batch) // 2)
        if len(batch) > 1:
            return Told(0.0, trouble=problem)
        spool.reject(batch[0][0])
        return self.back_off(problem)  # a server that refuses everything must not empty the spool

    def back_off(self, reason: str, retry_after_seconds: float = 0.0) -> Told:
        """After a fault: wait up to twice as long as after the fault before, and `retry_after_seconds` on top."""
        limit = min(_CAP_SECONDS, _BASE_SECONDS * 2**self._failures)
        self._failures = min(self._failures + 1, 12)
        wait = max(1.0, retry_after_seconds + random.uniform(0, limit))  # noqa: S311 - spreads devices, no secret
        return Told(wait, trouble=reason)


def settle(spool: Spool, batch: list[tuple[int, bytes]], *, body: dict[str, Any]) -> bool:
    """Forget what the server has, put aside what it will never take; what it does not name stays.

    Gives whether it named any.
    """
    by_id = {found[1].decode(): sequence for sequence, report in batch if (found := _ID.match(report))}
    taken = [*_strings(body.get("accepted")), *_strings(body.get("duplicate"))]
    done = [by_id[report_id] for report_id in taken if report_id in by_id]
    spool.done(done)
    rejected = [sequence for entry in _dicts(body.get("refused")) if (sequence := _refused(entry, by_id, batch=batch))]
    for sequence in rejected:
        spool.reject(sequence)
    return bool(done or rejected)


def _refused(entry: dict[str, Any], by_id: dict[str, int], *, batch: list[tuple[int, bytes]]) -> int | None:
    """The number of a report that was refused as a whole, by its id or by where it stood."""
    index, report_id = entry.get("index"), entry.get("report_id")
    if entry.get("section") is not None:
        return None
    if isinstance(report_id, str):
        return by_id.get(report_id)
    return batch[index][0] if isinstance(index, int) and 0 <= index < len(batch) else None


def _told(body: dict[str, Any]) -> Told:
    seconds = body.get("next_report_seconds")
    number = min(max(seconds, 300), 86_400) if isinstance(seconds, int) else None
    trouble = "split" if body.get("identity") == "split" else ""
    return Told(0.0, tuple(_strings(body.get("want"))), number, trouble)


def _strings(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
