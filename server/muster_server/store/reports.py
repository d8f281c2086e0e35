"""Raw reports and their streams: the ingest transaction, and nothing else in it.

Enters: decoded batches. Leaves: what became of every report. The stream row decides, inside the transaction that stores
the report, whether it is new, a duplicate, or that of another device with the same identity (design.md section 4).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, bindparam, select

from muster_server.ingest.decode import Decoded
from muster_server.ingest.streams import Window
from muster_server.models import device_orders, devices, reports, streams
from muster_server.store.bulk import upsert

MAX_LIVE_STREAMS = 8


class Batch(NamedTuple):
    """The readable reports of one request, and who sent them."""

    uid: str
    generation: int
    received_at: int
    reports: list[Decoded]


class Taken(NamedTuple):
    """What became of a batch, and what the device is told."""

    accepted: list[str]
    duplicate: list[str]
    split: bool
    want: list[str]
    next_report_seconds: int | None


class _Stream:
    """A stream row while a transaction works on it."""

    __slots__ = ("changed", "row", "window")

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row
        self.window = Window(row["highest"], row["bitmap"], digests=row["digests"])
        self.changed = False

    def hash_splits(self, seen: str | None) -> bool:
        """Whether a report with this hardware hash is a clone's; remembers changes (a repair, until two alternate)."""
        row = self.row
        if seen is None or seen == row["hardware_hash"]:
            return False
        if seen == row["split_hash"]:
            return True
        if seen == row["previous_hash"]:
            row["split_hash"], row["hardware_hash"], row["previous_hash"] = row["hardware_hash"], seen, None
        else:
            row["previous_hash"], row["hardware_hash"] = row["hardware_hash"], seen
        return False

    def to_row(self) -> dict[str, Any]:
        window = self.window
        return {**self.row, "highest": window.highest, "bitmap": window.bitmap, "digests": bytes(window.digests)}


_DEVICES = (
    select(
        devices.c.id,
        devices.c.uid,
        device_orders.c.want,
        device_orders.c.identity,
        device_orders.c.next_report_seconds,
    )
    .select_from(devices.outerjoin(device_orders))
    .where(devices.c.uid.in_(bindparam("uids", expanding=True)))
)
_STREAMS = select(streams).where(streams.c.device_id.in_(bindparam("ids", expanding=True)))


def take_batches(connection: Connection, batches: Sequence[Batch]) -> list[Taken | None]:
    """Store the new reports of every batch; one result each, None for a device the store does not know."""
    uids = list({batch.uid for batch in batches})
    known = {row["uid"]: row for row in connection.execute(_DEVICES, {"uids": uids}).mappings()}
    ids = [row["id"] for row in known.values()]
    live: dict[int, dict[str, _Stream]] = {device_id: {} for device_id in ids}
    for row in connection.execute(_STREAMS, {"ids": ids}).mappings():
        live[row["device_id"]][row["stream"]] = _Stream(dict(row))
    rows: list[dict[str, Any]] = []
    results = [_take(batch, known.get(batch.uid), live=live, rows=rows) for batch in batches]
    if rows:
        connection.execute(reports.insert(), rows)
    changed = [stream.to_row() for of_device in live.values() for stream in of_device.values() if stream.changed]
    upsert(connection, streams, rows=changed)
    return results


def _take(
    batch: Batch, device: RowMapping | None, *, live: dict[int, dict[str, _Stream]], rows: list[dict[str, Any]]
) -> Taken | None:
    if device is None:
        return None
    of_device = live[device["id"]]
    accepted: list[str] = []
    duplicate: list[str] = []
    split = False
    newest = max((stream.row["generation"] for stream in of_device.values()), default=batch.generation)
    for report in batch.reports:
        stream = _stream(of_device, device["id"], batch=batch, report=report)
        arrival = stream.window.take(report.sequence, report.digest)
        if arrival == "duplicate":
            duplicate.append(report.report_id)
            continue
        apart = (
            arrival == "clone"
            or batch.generation < newest
            or len(of_device) > MAX_LIVE_STREAMS
            or stream.hash_splits(report.hardware_hash)
        )
        split = split or apart
        stream.changed = True
        stream.row["last_received_at"] = batch.received_at
        accepted.append(report.report_id)
        rows.append(_report_row(device["id"], batch, report=report, apart=apart))
    split = split or device["identity"] == "split"
    want = json.loads(device["want"]) if device["want"] else []
    return Taken(accepted, duplicate, split, want, device["next_report_seconds"])


def _stream(of_device: dict[str, _Stream], device_id: int, *, batch: Batch, report: Decoded) -> _Stream:
    stream = of_device.get(report.stream)
    if stream is None:
        row = {
            "device_id": device_id,
            "stream": report.stream,
            "generation": batch.generation,
            "hardware_hash": report.hardware_hash,
            "previous_hash": None,
            "split_hash": None,
            "highest": 0,
            "bitmap": b"",
            "digests": b"",
            "first_received_at": batch.received_at,
            "last_received_at": batch.received_at,
        }
        stream = of_device[report.stream] = _Stream(row)
    stream.row["generation"] = max(stream.row["generation"], batch.generation)
    return stream


def _report_row(device_id: int, batch: Batch, *, report: Decoded, apart: bool) -> dict[str, Any]:
    return {
        "received_at": batch.received_at,
        "device_id": device_id,
        "stream": report.stream,
        "sequence": report.sequence,
        "generation": batch.generation,
        "corrected_at": report.timing.corrected_at,
        "skew_ms": report.timing.skew_ms,
        "clock_doubtful": report.timing.doubtful,
        "split": int(apart),
        "body": report.body,
    }
