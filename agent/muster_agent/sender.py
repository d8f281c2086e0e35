"""Brings what the spool holds to the server, and says what the server wants.

Enters: a spool, a client, an identity. Leaves: an emptier spool and a `Told`. After a fault it says how long to wait:
full jitter, base 5 s, cap 1 h, and a Retry-After may stretch it.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from muster_agent.machine import Machine
from muster_agent.report import envelope
from muster_agent.spool import Spool
from muster_agent.transport import Answer, Client, NetworkFaultError

_MOST_REPORTS = 96
_MOST_BYTES = 1_500_000  # of JSON, well under what the server inflates; gzip brings it under its limit on the wire
_BASE_SECONDS, _CAP_SECONDS = 5.0, 3_600.0


class Told(NamedTuple):
    """What came of one request: how long to wait (0: go on at once), and what the server asked for."""

    wait_seconds: float
    want: tuple[str, ...] = ()
    next_report_seconds: int | None = None
    trouble: str = ""  # split, unknown, revoked, or the reason of a fault


class Sender:
    """Sends batches, halves them when they are too much, and backs off."""

    def __init__(self, client: Client, machine: Machine, *, version: str) -> None:
        self._client, self._machine, self._version = client, machine, version
        self._most_reports = _MOST_REPORTS
        self._failures = 0

    def send(self, spool: Spool, token: str) -> Told:
        """Send one batch, the newest reports first."""
        batch = spool.batch(self._most_reports, _MOST_BYTES)
        if not batch:
            return Told(0.0)
        body = envelope(self._machine, self._version, reports=[report for _, report in batch])
        try:
            answer = self._client.post("/api/v1/reports", body, token=token)
        except NetworkFaultError as fault:
            return self._back_off(str(fault), fault.retry_after_seconds)
        return self._heed(answer, spool, batch=batch)

    def _heed(self, answer: Answer, spool: Spool, *, batch: list[tuple[int, bytes]]) -> Told:
        if answer.status == 202:
            self._failures = 0
            self._most_reports = min(_MOST_REPORTS, self._most_reports * 2)
            settle(spool, batch, body=answer.body)
            return _told(answer.body)
        if answer.problem in ("bad-request", "too-large"):
            if len(batch) == 1:
                spool.reject(batch[0][0])
            self._most_reports = max(1, len(batch) // 2)
            return Told(1.0, trouble=answer.problem)
        if answer.problem == "token-revoked":
            return Told(_CAP_SECONDS, trouble="revoked")
        if answer.problem in ("token-invalid", "device-unknown"):
            return Told(self._next_wait(0.0), trouble="unknown")
        return self._back_off(f"status {answer.status}", answer.retry_after_seconds)

    def _back_off(self, reason: str, retry_after: float) -> Told:
        return Told(self._next_wait(retry_after), trouble=reason)

    def _next_wait(self, retry_after: float) -> float:
        limit = min(_CAP_SECONDS, _BASE_SECONDS * 2**self._failures)
        self._failures = min(self._failures + 1, 12)
        return max(1.0, retry_after + random.uniform(0, limit))  # noqa: S311 - spreads devices, keeps no secret


def settle(spool: Spool, batch: list[tuple[int, bytes]], *, body: dict[str, Any]) -> None:
    """Forget what the server has, put aside what it will never take; what it does not name stays."""
    by_id = {f"{spool.stream}:{sequence}": sequence for sequence, _ in batch}
    taken = [*_strings(body.get("accepted")), *_strings(body.get("duplicate"))]
    spool.done([by_id[report_id] for report_id in taken if report_id in by_id])
    for refusal in body.get("refused") or ():
        if not isinstance(refusal, dict) or refusal.get("section") is not None:
            continue
        index, report_id = refusal.get("index"), refusal.get("report_id")
        if report_id in by_id:
            spool.reject(by_id[report_id])
        elif isinstance(index, int) and 0 <= index < len(batch):
            spool.reject(batch[index][0])


def _told(body: dict[str, Any]) -> Told:
    seconds = body.get("next_report_seconds")
    number = min(max(seconds, 300), 86_400) if isinstance(seconds, int) else None
    trouble = "split" if body.get("identity") == "split" else ""
    return Told(0.0, tuple(_strings(body.get("want"))), number, trouble)


def _strings(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
