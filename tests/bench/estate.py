"""A seeded estate: devices with tokens and long-running streams, written straight into a migrated store.

Enters: an empty store. Leaves: rows of `devices`, `device_orders` and `streams`, and functions that give the identity
of each device by its number, so that another process needs no list of them. Streams look as after months of reports:
every window is full, which is the dearest row that ingest can meet.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Connection, Table

from muster_server.db import Database
from muster_server.ingest.streams import DIGESTS, SEEN
from muster_server.ingest.tokens import make_token
from muster_server.models import device_orders, devices, streams
from muster_server.store.bulk import chunks

KEY = "bench" * 8  # the server's secret key in every bench
BOOT_ID = "5f2c7a3e-9d41-4c1b-8a55-0d9c3f2b7e10"
HIGHEST = 5_000  # the sequence that each stream has reached


def uid_of(device: int) -> str:
    """The UUID of a device, in the shape of version 7."""
    digest = _digest("uid", device)
    return f"01900000-{device >> 16:04x}-7{device >> 4 & 0xFFF:03x}-a{digest[:3]}-{digest[3:15]}"


def token_of(device: int) -> str:
    """Its token."""
    return make_token(KEY.encode(), uid_of(device), generation=1)


def stream_of(device: int) -> str:
    """The stream of its spool."""
    return _digest("stream", device)


def hardware_hash(device: int) -> str:
    """The hash over its hardware hints."""
    return hashlib.sha256(b"%d" % device).hexdigest()


def seed(database: Database, count: int, *, now: int) -> None:
    """Write `count` devices (numbers from 0; the integer key is the number + 1)."""
    for part in chunks(range(count), 5_000):
        with database.write() as connection:
            _insert(connection, devices, [_device(number, now) for number in part])
            orders = [{"device_id": n + 1, "want": "[]", "identity": "keep", "next_report_seconds": None} for n in part]
            _insert(connection, device_orders, orders)
            _insert(connection, streams, [_stream(number, now) for number in part])


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    connection.execute(table.insert(), rows)


def _device(number: int, now: int) -> dict[str, Any]:
    return {
        "id": number + 1,
        "uid": uid_of(number),
        "generation": 1,
        "enrolled_at": now,
        "approved": True,
        "hardware_hash": hardware_hash(number),
        "smbios_uuid": _digest("smbios", number),
        "system_serial": _digest("serial", number)[:12],
        "unit": f"Unit {number % 40}",
        "unit_source": "enrolment key",
    }


def _stream(number: int, now: int) -> dict[str, Any]:
    return {
        "device_id": number + 1,
        "stream": stream_of(number),
        "generation": 1,
        "hardware_hash": hardware_hash(number),
        "previous_hash": None,
        "split_hash": None,
        "highest": HIGHEST,
        "bitmap": b"\xff" * (SEEN // 8),
        "digests": hashlib.shake_128(b"%d" % number).digest(4 * DIGESTS),
        "first_received_at": now,
        "last_received_at": now,
    }


def _digest(what: str, device: int) -> str:
    return hashlib.blake2b(f"{what}:{device}".encode(), digest_size=16).hexdigest()
