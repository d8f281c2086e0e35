"""Who may read the API: nobody without a token or a session, every role with one, and secrets stay out of answers."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from tests.server.door import Device, enrolment_key
from tests.server.reader import Reader, judge_all, whole_report

from muster_server import auth, roles
from muster_server.clock import now_ms
from muster_server.config import Settings, secret_key
from muster_server.db import Database
from muster_server.ids import digest
from muster_server.models import api_tokens, users
from muster_server.store import people
from muster_server.web.api import VIEWS

PATHS = [f"/api/v1{rule}".replace("<uuid:device_id>", "01900000-0000-7000-8000-000000000000") for rule in VIEWS]


def test_nobody_reads_without_a_genuine_token(client: FlaskClient) -> None:
    wrong = ("", "Bearer", "Bearer mt_nonsense", "Basic YTpi", "bearer\tx", "mt_nonsense", "Bearer \xff")
    for path in PATHS:
        for headers in ({}, *({"Authorization": each} for each in wrong)):
            answer = client.get(path, headers=headers)

            assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("change", [{"revoked_at": 1}, {"expires_at": 1}], ids=["revoked", "expired"])
def test_a_revoked_or_expired_token_reads_no_more(
    client: FlaskClient, database: Database, change: dict[str, Any]
) -> None:
    reader = Reader(client, database)
    assert reader.get("/devices").status_code == 200

    with database.write() as connection:
        connection.execute(update(api_tokens).values(change))

    assert reader.get("/devices").status_code == 401


def test_every_role_reads_and_the_scheme_may_be_written_in_any_case(client: FlaskClient, database: Database) -> None:
    for role in roles.ROLES:
        bearer = {"Authorization": f"bEARER {Reader(client, database, role).token}"}

        assert {client.get(path, headers=bearer).status_code for path in PATHS} == {200, 404}


def test_a_role_without_the_right_is_refused(client: FlaskClient, database: Database) -> None:
    reader = Reader(client, database)
    with database.write() as connection:
        connection.execute(update(api_tokens).values(role="a role of the past"))

    answer = reader.get("/devices")

    assert (answer.status_code, answer.json["type"]) == (403, "/problems/forbidden")


def test_the_token_of_a_device_reads_nothing(client: FlaskClient, database: Database) -> None:
    device = Device(client, enrolment_key(database))

    assert client.get("/api/v1/devices", headers={"Authorization": f"Bearer {device.token}"}).status_code == 401


def test_an_api_token_opens_no_route_of_devices(client: FlaskClient, database: Database) -> None:
    bearer = {"Authorization": f"Bearer {Reader(client, database, 'admin').token}"}

    assert client.post("/api/v1/reports", json={}, headers=bearer).status_code == 401


def signed_in(app: Flask, database: Database, name: str) -> FlaskClient:
    with database.write() as connection:
        people.create_user(connection, name, role="viewer", now=now_ms())
        link = people.make_link(connection, name, now=now_ms(), hours=1)
        user_id = people.use_link(connection, link, now=now_ms())
        secret = people.open_session(connection, user_id or 0, now=now_ms())
    browser = app.test_client()
    with browser.session_transaction() as session:
        session[auth._COOKIE_KEY] = secret
    return browser


def test_a_person_who_signed_in_reads_and_one_whose_account_ended_does_not(app: Flask, database: Database) -> None:
    browser = signed_in(app, database, "viewer")
    assert browser.get("/api/v1/devices").status_code == 200

    with database.write() as connection:
        connection.execute(update(users).values(disabled_at=now_ms()))

    assert browser.get("/api/v1/devices").status_code == 401


def test_a_wrong_token_is_not_made_good_by_a_session(app: Flask, database: Database) -> None:
    browser = signed_in(app, database, "viewer")

    assert browser.get("/api/v1/devices", headers={"Authorization": "Bearer mt_nonsense"}).status_code == 401


def test_no_answer_holds_a_secret_a_digest_of_one_or_a_hardware_hash(
    client: FlaskClient, database: Database, settings: Settings
) -> None:
    key = enrolment_key(database)
    hints = {
        "smbios_uuid": "uuid-hint",
        "disk_serial": "disk-hint",
        "hardware_hash": "h-hint",
        "machine_hash": "m-hint",
    }
    device = Device(client, key, **hints)
    device.post(whole_report(device))
    judge_all(database, settings)
    reader = Reader(client, database, "admin")
    secrets = [key, device.token, device.token.rsplit(".", 1)[1], reader.token, secret_key(settings).decode()]
    hidden = [*secrets, *map(digest, secrets), *hints.values(), device.stream]

    told = "".join(reader.get(rule.replace("<uuid:device_id>", device.uid)).text for rule in VIEWS)

    assert device.uid in told
    assert [each for each in hidden if each in told] == []
