"""Enrolment: keys that let devices in, and the hardware by which one is known again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, and_, or_, select, update

from muster_server.errors import MusterError
from muster_server.ids import digest, new_secret, new_uid
from muster_server.ingest.schema import HardwareHints
from muster_server.models import device_orders, devices, enrolment_keys

_HINTS = ("smbios_uuid", "system_serial", "disk_serial")


class KeyRefusedError(MusterError):
    """An enrolment key cannot be used; the text says why."""


class Enrolled(NamedTuple):
    """A device as it stands after enrolment."""

    uid: str
    generation: int
    approved: bool


def make_key(connection: Connection, label: str, *, now: int, terms: Mapping[str, Any]) -> str:
    """A new enrolment key; `terms` holds unit, site, expires_at (epoch ms), uses_left and needs_approval.

    Gives the secret, which is shown once and stored as its SHA-256.
    """
    secret = f"mk_{new_secret()}"
    connection.execute(
        enrolment_keys.insert().values(key_sha256=digest(secret), label=label, created_at=now, **terms),
    )
    return secret


def forget_keys(connection: Connection, label: str) -> None:
    """Remove the enrolment keys of a label, for whoever makes one anew at each start."""
    connection.execute(enrolment_keys.delete().where(enrolment_keys.c.label == label))


def use_key(connection: Connection, secret: str, *, now: int) -> RowMapping:
    """Count one use of a key down and give its row; raises KeyRefusedError."""
    keys = enrolment_keys.c
    named = keys.key_sha256 == digest(secret)
    usable = and_(named, keys.uses_left > 0, keys.expires_at > now, keys.revoked_at.is_(None))
    counted = connection.execute(update(enrolment_keys).where(usable).values(uses_left=keys.uses_left - 1))
    row = connection.execute(select(enrolment_keys).where(named)).mappings().first()
    if row is None:
        raise KeyRefusedError("This enrolment key is not known: check it, or make one with `muster key create`.")
    if counted.rowcount == 0:
        spent = "has expired" if row["expires_at"] <= now else "has no uses left"
        reason = "was revoked" if row["revoked_at"] else spent
        raise KeyRefusedError(f"The enrolment key {row['label']!r} {reason}: make another with `muster key create`.")
    return row


def enrol_known_or_new(connection: Connection, hints: HardwareHints, *, now: int, key: RowMapping) -> Enrolled:
    """The same device with its next generation when its hardware is known, else a new device."""
    known = _known(connection, hints)
    if known is None:
        return _add(connection, hints, now=now, key=key)
    generation = known["generation"] + 1
    connection.execute(
        update(devices)
        .where(devices.c.id == known["id"])
        .values(generation=generation, reinstalled_at=now, **_present(hints))
    )
    return Enrolled(known["uid"], generation, known["approved"])


def enrol_split(connection: Connection, uid: str, *, hints: HardwareHints, now: int) -> Enrolled | None:
    """A device of its own for one that shared the identity `uid`; it inherits unit and approval. None if unknown."""
    shared = connection.execute(select(devices).where(devices.c.uid == uid)).mappings().first()
    return None if shared is None else _add(connection, hints, now=now, key=shared)


def _known(connection: Connection, hints: HardwareHints) -> RowMapping | None:
    present = {name: getattr(hints, name) for name in _HINTS if getattr(hints, name)}
    if len(present) >= 2:
        anyone = or_(*(devices.c[name] == value for name, value in present.items()))
        found = connection.execute(select(devices).where(anyone).order_by(devices.c.id)).mappings().all()
        return next((row for row in found if sum(row[n] == v for n, v in present.items()) >= 2), None)
    if not hints.machine_hash:
        return None
    same = select(devices).where(devices.c.machine_hash == hints.machine_hash).order_by(devices.c.id)
    return connection.execute(same).mappings().first()


def _add(connection: Connection, hints: HardwareHints, *, now: int, key: RowMapping) -> Enrolled:
    approved = key["approved"] if "approved" in key else not key["needs_approval"]
    uid = new_uid(now)
    row = {
        "uid": uid,
        "generation": 1,
        "enrolled_at": now,
        "approved": approved,
        "unit": key["unit"],
        "site": key["site"],
        "unit_source": "enrolment key" if key["unit"] else None,
        **_present(hints),
    }
    device_id = connection.execute(devices.insert().values(row).returning(devices.c.id)).scalar_one()
    orders = {"device_id": device_id, "want": "[]", "identity": "keep", "next_report_seconds": None}
    connection.execute(device_orders.insert().values(orders))
    return Enrolled(uid, 1, approved)


def _present(hints: HardwareHints) -> dict[str, str | None]:
    names = (*_HINTS, "hardware_hash", "machine_hash")
    return {name: getattr(hints, name) for name in names}


def all_keys(connection: Connection) -> list[dict[str, Any]]:
    """Every enrolment key without its secret."""
    names = [column.name for column in enrolment_keys.columns if column.name != "key_sha256"]
    query = select(*(enrolment_keys.c[name] for name in names)).order_by(enrolment_keys.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def revoke_key(connection: Connection, key_id: int, *, now: int) -> bool:
    """End a key; gives whether there was one to end."""
    standing = and_(enrolment_keys.c.id == key_id, enrolment_keys.c.revoked_at.is_(None))
    return connection.execute(update(enrolment_keys).where(standing).values(revoked_at=now)).rowcount == 1


def approve(connection: Connection, uid: str, *, now: int) -> bool:
    """Approve a waiting device and have it judged; gives whether one waited."""
    waiting = and_(devices.c.uid == uid, devices.c.approved.is_(False))
    return connection.execute(update(devices).where(waiting).values(approved=True, judge_at=now)).rowcount == 1
