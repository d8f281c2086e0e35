"""What people decide about flags."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from muster_server.clock import now_ms
from muster_server.models import devices, flags


def flag(connection: Connection, flag_id: int) -> dict[str, Any] | None:
    """A flag with the `uid` of its device, or None."""
    query = select(flags, devices.c.uid).join(devices, devices.c.id == flags.c.device_id).where(flags.c.id == flag_id)
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)


def acknowledge(connection: Connection, flag_id: int, *, by: str, note: str) -> bool:
    """Acknowledge an open flag; gives whether it was open and nobody had."""
    free = (flags.c.id == flag_id, flags.c.cleared_at.is_(None), flags.c.acknowledged_at.is_(None))
    row = update(flags).where(*free).values(acknowledged_at=now_ms(), acknowledged_by=by, acknowledged_note=note)
    return connection.execute(row).rowcount == 1


def take_back(connection: Connection, flag_id: int) -> bool:
    """Undo the acknowledgement of an open flag; gives whether there was one."""
    stands = (flags.c.id == flag_id, flags.c.cleared_at.is_(None), flags.c.acknowledged_at.isnot(None))
    row = update(flags).where(*stands).values(acknowledged_at=None, acknowledged_by=None, acknowledged_note=None)
    return connection.execute(row).rowcount == 1
