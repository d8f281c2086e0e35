"""Enrolment: who gets in, and who is known again."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from tests.server.door import Device, enrolment_key

from muster_server.clock import now_ms
from muster_server.db import Database
from muster_server.models import devices, enrolment_keys
from muster_server.store.revocations import revoke

HARDWARE = {"smbios_uuid": "u-1", "system_serial": "s-1", "disk_serial": "d-1", "hardware_hash": "h-1"}


def test_a_key_lets_a_device_in_and_brings_it_into_its_unit(client: FlaskClient, database: Database) -> None:
    device = Device(client, enrolment_key(database), **HARDWARE)

    with database.read() as connection:
        row = connection.execute(select(devices)).mappings().one()
    assert (row["uid"], row["unit"], row["unit_source"]) == (device.uid, "North", "enrolment key")
    assert row["approved"]


@pytest.mark.parametrize(
    ("terms", "reason"),
    [({"expires_at": 1}, "has expired"), ({"uses_left": 0}, "has no uses left")],
)
def test_a_spent_key_is_refused_with_its_reason(
    client: FlaskClient, database: Database, terms: dict[str, int], reason: str
) -> None:
    key = enrolment_key(database, **terms)

    answer = client.post("/api/v1/enrol", json={"agent": {"version": "1"}, "key": key})

    assert answer.status_code == 401
    assert answer.json["type"] == "/problems/enrolment-refused"
    assert reason in answer.json["detail"]


def test_an_unknown_or_revoked_key_is_refused(client: FlaskClient, database: Database) -> None:
    key = enrolment_key(database)
    with database.write() as connection:
        connection.execute(update(enrolment_keys).values(revoked_at=now_ms()))

    details = [
        client.post("/api/v1/enrol", json={"agent": {"version": "1"}, "key": tried}).json["detail"]
        for tried in ("mk_nonsense", key)
    ]

    assert "is not known" in details[0]
    assert "was revoked" in details[1]


def test_a_key_is_used_up_exactly_as_often_as_it_says(client: FlaskClient, database: Database) -> None:
    key = enrolment_key(database, uses_left=1)
    Device(client, key)

    assert client.post("/api/v1/enrol", json={"agent": {"version": "1"}, "key": key}).status_code == 401


def test_known_hardware_is_the_same_device_with_the_next_generation(client: FlaskClient, database: Database) -> None:
    key = enrolment_key(database)
    first = Device(client, key, **HARDWARE)

    again = Device(client, key, **{**HARDWARE, "disk_serial": "a new disk", "hardware_hash": "h-2"})

    assert (again.uid, again.generation) == (first.uid, 2)


def test_one_equal_hint_is_not_enough_to_be_the_same_device(client: FlaskClient, database: Database) -> None:
    key = enrolment_key(database)
    first = Device(client, key, **HARDWARE)

    other = Device(client, key, smbios_uuid="u-1", system_serial="s-2", disk_serial="d-2", machine_hash="m")

    assert other.uid != first.uid


def test_with_fewer_than_two_hints_the_hashed_machine_id_decides(client: FlaskClient, database: Database) -> None:
    key = enrolment_key(database)
    first = Device(client, key, system_serial="s-1", machine_hash="m-1")

    assert Device(client, key, machine_hash="m-1").uid == first.uid
    assert Device(client, key, machine_hash="m-2").uid != first.uid


def test_a_split_device_enrols_anew_with_its_token_and_becomes_a_device_of_its_own(
    client: FlaskClient, database: Database
) -> None:
    device = Device(client, enrolment_key(database), **HARDWARE)

    answer = device.enrol(None, token=device.token, **HARDWARE)

    assert answer.status_code == 201
    assert answer.json["device_id"] != device.uid
    with database.read() as connection:
        assert set(connection.scalars(select(devices.c.unit))) == {"North"}


def test_a_device_that_needs_approval_gets_its_token_and_says_so(client: FlaskClient, database: Database) -> None:
    key = enrolment_key(database, needs_approval=True)

    answer = client.post("/api/v1/enrol", json={"agent": {"version": "1"}, "key": key})

    assert answer.status_code == 201
    assert answer.json["approved"] is False


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"agent":{"version":5}}', b'{"agent":{"version":"1"},"key":"\\u0000"}']
)
def test_a_body_that_is_no_enrolment_is_a_problem_not_a_crash(client: FlaskClient, body: bytes) -> None:
    answer = client.post("/api/v1/enrol", data=body)

    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"


def test_neither_key_nor_token_is_no_way_in(client: FlaskClient) -> None:
    assert client.post("/api/v1/enrol", json={"agent": {"version": "1"}}).status_code == 401


def test_a_revoked_token_is_refused_once_the_set_was_read_again(client: FlaskClient, database: Database) -> None:
    device = Device(client, enrolment_key(database))
    with database.write() as connection:
        assert revoke(connection, device.uid, by="admin", now=now_ms())
    client.application.extensions["muster_door"].revocations.refresh()

    answer = device.post(device.report())

    assert answer.status_code == 403
    assert answer.json["type"] == "/problems/token-revoked"


def test_when_revocations_cannot_be_read_for_a_minute_reports_wait(client: FlaskClient, database: Database) -> None:
    device = Device(client, enrolment_key(database))
    client.application.extensions["muster_door"].revocations._read_at -= 61

    answer = device.post(device.report())

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert client.get("/readyz").status_code == 503


def test_guessing_tokens_from_one_address_is_slowed_down_and_good_tokens_are_not(
    client: FlaskClient, database: Database
) -> None:
    device = Device(client, enrolment_key(database))
    forged = device.token[:-4] + "AAAA"

    answers = [device.post_bytes(b"{}", token=forged).status_code for _ in range(80)]

    assert answers[0] == 401
    assert answers[-1] == 429
    assert device.post(device.report()).status_code == 202
