"""Raw reports and their streams: the ingest transaction, and nothing else in it.

Enters: decoded batches. Leaves: what became of every report. The stream row decides, inside the transaction that stores
the report, whether it is new, a duplicate, or that of another device with the same identity (design.md section 4).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select

from muster_server.ingest.decode import Decoded
from muster_server.ingest.streams import Window
from muster_server.models import device_orders, devices, reports, streams
from muster_server.store.bulk import insert_tuples, upsert_tuples

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


class _Stream(NamedTuple):
    """A stream's row, in the order of its columns."""

    device_id: int
    stream: str
    generation: int
    hardware_hash: str | None
    previous_hash: str | None
    split_hash: str | None
    highest: int
    bitmap: bytes
    digests: bytes
    first_received_at: int
    last_received_at: int


class _Report(NamedTuple):
    """A report's row as it is written, in the order of its columns."""

    received_at: int
    device_id: int
    stream: str
    sequence: int
    generation: int
    corrected_at: int
    skew_ms: int | None
    clock_doubtful: int
    split: int
    body: bytes


# One row a stream of each device, or one without a stream for a device that has none yet.
_KNOWN = (
    select(
        devices.c.uid,
        devices.c.id,
        device_orders.c.want,
        device_orders.c.identity,
        device_orders.c.next_report_seconds,
        *(streams.c[name] for name in _Stream._fields),
    )
    .select_from(devices.outerjoin(device_orders).outerjoin(streams, streams.c.device_id == devices.c.id))
    .where(devices.c.uid.in_(bindparam("uids", expanding=True)))
)


class _Device:
    """What the store knows of one device while a transaction works on it."""

    def __init__(self, row: Row[Any]) -> None:
        self.id: int = row.id
        self.want: list[str] = json.loads(row.want) if row.want and row.want != "[]" else []
        self.told_split = row.identity == "split"
        self.next_report_seconds: int | None = row.next_report_seconds
        self.streams: dict[str, _LiveStream] = {}

    def newest_generation(self, otherwise: int) -> int:
        return max((stream.generation for stream in self.streams.values()), default=otherwise)


class _LiveStream:
    """A stream while a transaction works on it."""

    __slots__ = ("changed", "generation", "hashes", "last_received_at", "row", "window")

    def __init__(self, row: _Stream) -> None:
        self.row = row
        self.window = Window(row.highest, row.bitmap, digests=row.digests)
        self.generation = row.generation
        self.last_received_at = row.last_received_at
        self.hashes = (row.hardware_hash, row.previous_hash, row.split_hash)
        self.changed = False

    def hash_splits(self, seen: str | None) -> bool:
        """Whether a report with this hardware hash is a clone's; remembers changes (a repair, until two alternate)."""
        present, previous, split = self.hashes
        if seen is None or seen == present:
            return False
        if seen == split:
            return True
        self.hashes = (seen, None, present) if seen == previous else (seen, present, split)
        return False

    def to_row(self) -> _Stream:
        window, row = self.window, self.row
        return _Stream(
            row.device_id,
            row.stream,
            self.generation,
            *self.hashes,
            window.highest,
            window.bitmap,
            bytes(window.digests),
            row.first_received_at,
            self.last_received_at,
        )


def take_batches(connection: Connection, batches: Sequence[Batch]) -> list[Taken | None]:
    """Store the new reports of every batch; one result each, None for a device the store does not know."""
    known = _load(connection, list({batch.uid for batch in batches}))
    rows: list[_Report] = []
    results = [_take(batch, known.get(batch.uid), rows=rows) for batch in batches]
    insert_tuples(connection, reports, columns=_Report._fields, rows=rows)
    live = [stream for device in known.values() for stream in device.streams.values()]
    changed = [stream.to_row() for stream in live if stream.changed]
    upsert_tuples(connection, streams, columns=_Stream._fields, rows=changed)
    return results


def _load(connection: Connection, uids: list[str]) -> dict[str, _Device]:
    known: dict[str, _Device] = {}
    for row in connection.execute(_KNOWN, {"uids": uids}):
        device = known.get(row.uid)
        if device is None:
            device = known[row.uid] = _Device(row)
        if row.stream is not None:
            device.streams[row.stream] = _LiveStream(_Stream(*row[5:]))
    return known


def _take(batch: Batch, device: _Device | None, *, rows: list[_Report]) -> Taken | None:
    if device is None:
        return None
    accepted: list[str] = []
    duplicate: list[str] = []
    split = False
    newest = device.newest_generation(otherwise=batch.generation)
    for report in batch.reports:
        stream = _stream(device, batch, report=report)
        arrival = stream.window.take(report.sequence, report.digest)
        if arrival == "duplicate":
            duplicate.append(report.report_id)
            continue
        apart = (
            arrival == "clone"
            or batch.generation < newest
            or len(device.streams) > MAX_LIVE_STREAMS
            or stream.hash_splits(report.hardware_hash)
        )
        split = split or apart
        stream.changed, stream.last_received_at = True, batch.received_at
        accepted.append(report.report_id)
        rows.append(_report_row(device.id, batch, report=report, apart=apart))
    return Taken(accepted, duplicate, split or device.told_split, device.want, device.next_report_seconds)


def _stream(device: _Device, batch: Batch, *, report: Decoded) -> _LiveStream:
    stream = device.streams.get(report.stream)
    if stream is None:
        at, generation, seen = batch.received_at, batch.generation, report.hardware_hash
        row = _Stream(device.id, report.stream, generation, seen, None, None, 0, b"", b"", at, at)
        stream = device.streams[report.stream] = _LiveStream(row)
    stream.generation = max(stream.generation, batch.generation)
    return stream


def _report_row(device_id: int, batch: Batch, *, report: Decoded, apart: bool) -> _Report:
    return _Report(
        received_at=batch.received_at,
        device_id=device_id,
        stream=report.stream,
        sequence=report.sequence,
        generation=batch.generation,
        corrected_at=report.timing.corrected_at,
        skew_ms=report.timing.skew_ms,
        clock_doubtful=report.timing.doubtful,
        split=int(apart),
        body=report.body,
    )
