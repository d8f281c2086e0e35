"""What the page of a device shows besides `store/device.py`: how it is found, its past, one kept assessment."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, or_, select

from muster_server.models import assessments, device_state, devices, flags
from muster_server.store.device import DeviceRecord, device_record

_MOST_ROWS = 50


class DevicePage(NamedTuple):
    """One device with its past; rows as stored, newest first."""

    record: DeviceRecord
    past_flags: list[dict[str, Any]]
    history: list[dict[str, Any]]  # kept assessments, without findings and signals


def find_uids(connection: Connection, text: str) -> list[str]:
    """Devices whose number, hostname or serial is exactly `text`, in any of the usual spellings; at most two."""
    spellings = {text, text.upper(), text.lower()}
    names = (devices.c.uid, device_state.c.hostname, device_state.c.serial)
    named = or_(*(name.in_(spellings) for name in names))
    query = select(devices.c.uid).select_from(devices.outerjoin(device_state)).where(named)
    return list(connection.scalars(query.order_by(devices.c.id).limit(2)))


def device_page(connection: Connection, uid: str, *, now: int) -> DevicePage | None:
    """Everything that the page of a device shows but its software; None where there is no such device."""
    record = device_record(connection, uid, now=now)
    if record is None:
        return None
    device_id = record.line["id"]
    cleared = select(flags).where(flags.c.device_id == device_id, flags.c.cleared_at.isnot(None))
    columns = [c for c in assessments.columns if c.name not in ("findings", "signals")]
    kept = select(*columns).where(assessments.c.device_id == device_id)
    return DevicePage(
        record=record,
        past_flags=_rows(connection, cleared.order_by(flags.c.cleared_at.desc()).limit(_MOST_ROWS)),
        history=_rows(connection, kept.order_by(assessments.c.as_of.desc()).limit(_MOST_ROWS)),
    )


def assessment(connection: Connection, assessment_id: int, *, device_id: int) -> dict[str, Any] | None:
    """One kept assessment of a device, or None."""
    one = select(assessments).where(assessments.c.id == assessment_id, assessments.c.device_id == device_id)
    return next(iter(_rows(connection, one)), None)


def _rows(connection: Connection, query: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]
