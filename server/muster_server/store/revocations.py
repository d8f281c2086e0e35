"""Revoked device tokens: a device and the lowest generation that is still good."""

from __future__ import annotations

from sqlalchemy import Connection, select

from muster_server.models import devices, revocations
from muster_server.store.bulk import upsert


def lowest_generations(connection: Connection) -> dict[str, int]:
    """Device uid -> lowest valid generation, for every device with a revocation."""
    query = select(devices.c.uid, revocations.c.lowest_generation).join_from(revocations, devices)
    return {row.uid: row.lowest_generation for row in connection.execute(query)}


def revoke(connection: Connection, uid: str, *, by: str, now: int) -> bool:
    """Revoke every token that the device holds today; gives whether the device exists."""
    device = connection.execute(select(devices.c.id, devices.c.generation).where(devices.c.uid == uid)).first()
    if device is None:
        return False
    row = {"device_id": device.id, "lowest_generation": device.generation + 1, "revoked_at": now, "revoked_by": by}
    upsert(connection, revocations, rows=[row])
    return True
