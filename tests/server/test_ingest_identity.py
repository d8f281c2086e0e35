"""Who sent a report: one that comes again after a month, and two machines with one hardware identity."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy import Connection, func, select, update
from tests.server.door import Device, enrolment_key

from muster_server.clock import DAY_MS, now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.jobs import fold, retention
from muster_server.models import device_state, reports, streams

HARDWARE = {"smbios_uuid": "u-1", "system_serial": "s-1", "disk_serial": "d-1", "hardware_hash": "h-1"}


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(reports)) or 0


def test_a_report_sent_again_a_month_later_is_a_duplicate_though_its_raw_row_is_gone(
    device: Device, database: Database, settings: Settings
) -> None:
    report = device.report(restart={"pending": False})
    device.post(report)
    fold.run(database, settings, now=now_ms())
    with database.write() as connection:  # a month passes
        connection.execute(update(reports).values(received_at=reports.c.received_at - 31 * DAY_MS))
        connection.execute(update(streams).values(last_received_at=streams.c.last_received_at - 31 * DAY_MS))
    _forget_raw(database, settings)

    answer = device.post(report)

    assert answer.status_code == 202
    assert (answer.json["accepted"], answer.json["duplicate"]) == ([], [report["report_id"]])
    with database.read() as connection:
        assert count(connection) == 0


def _forget_raw(database: Database, settings: Settings) -> None:
    """What retention does within a day on SQLite, and on PostgreSQL once the partition is past."""
    retention.run(database, settings, now=now_ms())
    if not database.is_sqlite:
        with database.write() as connection:
            connection.execute(reports.delete())
    with database.read() as connection:
        assert count(connection) == 0


def test_two_machines_with_one_hardware_identity_end_as_two_devices_with_their_own_facts(
    client: FlaskClient, database: Database, settings: Settings
) -> None:
    key = enrolment_key(database)
    original, clone = Device(client, key, **HARDWARE), Device(client, key, **HARDWARE)
    assert (clone.uid, clone.generation) == (original.uid, 2)
    clone.post(clone.report(system={"hostname": "clone"}))

    told = original.post(original.report(system={"hostname": "original"}))
    apart = original.enrol(None, token=original.token, **HARDWARE).json
    original.uid, original.token = apart["device_id"], apart["token"]
    original.stream, original.sequence = "f" * 32, 0
    again = original.post(original.report(system={"hostname": "original"}))

    assert (told.json["identity"], again.json["identity"]) == ("split", "keep")
    assert original.uid != clone.uid
    fold.run(database, settings, now=now_ms())
    with database.read() as connection:
        assert sorted(connection.scalars(select(device_state.c.hostname))) == ["clone", "original"]
