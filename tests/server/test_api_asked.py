"""Query strings of the API: strict, each refusal names what is allowed; and errors under /api are problems."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from tests.server.door import Device, enrolment_key
from tests.server.reader import Reader, judge_all, starts, whole_report

from muster_server import services
from muster_server.clock import DAY_MS, now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.health.estate import NOT_JUDGED, NOT_KNOWN
from muster_server.models import device_state, devices
from muster_server.store.lists import LACKING, SORTS
from muster_server.web.api.asked import DevicesAsked, parameters


@pytest.fixture
def reader(client: FlaskClient, database: Database) -> Reader:
    return Reader(client, database)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"verdit": "fix"}, "There is no parameter `verdit`: did you mean `verdict`?"),
    ({"zzz": "1"}, "There is no parameter `zzz`: known are `text`, `device_class`"),
    ({"limit": "0"}, "Parameter `limit` takes a whole number from 1 to 1,000."),
    ({"limit": "1001"}, "Parameter `limit` takes a whole number from 1 to 1,000."),
    ({"limit": "ten"}, "Parameter `limit` takes a whole number from 1 to 1,000."),
    ({"limit": ""}, "Parameter `limit` takes a whole number from 1 to 1,000."),
    ({"verdict": "null"}, "Parameter `verdict` takes one of `fix`, `keep`, `not judged`, `replace`,"),
    ({"verdict": "FIX"}, "Parameter `verdict` takes one of"),
    ({"sort": "serial"}, "Parameter `sort` takes one of `free`, `hostname`, `reported`, `start`, `verdict`."),
    ({"waiting": "perhaps"}, "Parameter `waiting` takes `true` or `false`."),
    ({"silent_days": "-1"}, "Parameter `silent_days` takes a whole number from 1 to 400."),
    ({"unit": ""}, "Parameter `unit` takes a text of 1 to 256 characters."),
    ({"text": "x" * 257}, "Parameter `text` takes a text of 1 to 256 characters."),
    ({"text": "a\0b"}, "Parameter `text` holds a NUL character."),
    ({"unit": ["North", "South"]}, "Parameter `unit` is given 2 times; give it once."),
    ({"after": "nonsense"}, "Parameter `after` takes `next` of an answer to this same question"),
]


def test_a_wrong_question_is_a_problem_that_says_what_is_allowed(reader: Reader) -> None:
    for query, sentence in WRONG:
        answer = reader.get("/devices", **query)

        assert (answer.status_code, answer.json["type"]) == (400, "/problems/bad-parameter")
        assert answer.json["detail"].startswith(sentence)


def test_an_address_without_parameters_takes_none(reader: Reader) -> None:
    detail = reader.get("/estate", unit="North").json["detail"]

    assert detail == "There is no parameter `unit`: this address takes none."


@pytest.fixture
def three(client: FlaskClient, database: Database, settings: Settings) -> list[str]:
    """Three devices: a slow laptop North, a quick desktop South silent for ten days, one that waits for approval."""
    slow = Device(client, enrolment_key(database))
    quick = Device(client, enrolment_key(database, unit="South"))
    waiting = Device(client, enrolment_key(database, needs_approval=True))
    slow.post(whole_report(slow))
    system = {"hostname": "100%_quick", "os_name": "Windows 11"}
    quick.post(whole_report(quick, starts=starts(20), system=system, hardware={"device_class": "desktop"}))
    judge_all(database, settings)
    with database.write() as connection:
        silent = device_state.c.hostname == "100%_quick"
        connection.execute(update(device_state).where(silent).values(reported_at=now_ms() - 10 * DAY_MS))
    return [slow.uid, quick.uid, waiting.uid]


NARROWED: list[tuple[dict[str, str], list[int]]] = [
    ({}, [1, 0]),
    ({"text": "PC-"}, [0]),
    ({"text": "100%_q"}, [1]),
    ({"text": "0_%"}, []),
    ({"device_class": "laptop"}, [0]),
    ({"os_name": "Windows 11"}, [1]),
    ({"verdict": "fix"}, [0]),
    ({"verdict": "not judged"}, []),
    ({"rule": "slow_start"}, [0]),
    ({"unit": "South"}, [1]),
    ({"status": "retired"}, []),
    ({"lacks": "starts"}, []),
    ({"lacks": "use"}, [1, 0]),
    ({"failed": "battery"}, []),
    ({"unit": "not known"}, []),
    ({"silent_days": "7"}, [1]),
    ({"silent_days": "30"}, []),
    ({"waiting": "true"}, [2]),
    ({"waiting": "false", "unit": "North", "text": "T14", "order": "desc"}, [0]),
]


def test_filters_narrow_the_list_and_what_it_says_it_is_made_of(three: list[str], reader: Reader) -> None:
    for query, found in NARROWED:
        told = reader.read("/devices", **query)

        listed = [three.index(line["device_id"]) for line in told["items"]]
        assert (query, listed, told["coverage"]["devices"]) == (query, found, len(found))


def test_the_lists_of_what_may_be_asked_are_those_of_the_store() -> None:
    known = parameters(DevicesAsked)

    assert set(known["lacks"]["enum"]) == set(LACKING)
    assert set(known["sort"]["enum"]) == set(SORTS)
    assert NOT_KNOWN in known["device_class"]["enum"]
    assert NOT_JUDGED in known["verdict"]["enum"]


def test_recommendations_are_narrowed_and_the_waiting_and_the_retired_have_none(
    three: list[str], reader: Reader, database: Database
) -> None:
    assert [item["device"]["device_id"] for item in reader.read("/replacements")["items"]] == [three[0]]
    assert reader.read("/replacements", unit="South")["items"] == []
    assert reader.read("/replacements", suggests="replace")["items"] == []
    assert len(reader.read("/replacements", rule="slow_start")["items"]) == 1
    assert reader.read("/replacements")["coverage"]["devices"] == 2

    with database.write() as connection:
        connection.execute(update(devices).values(status="retired"))

    assert reader.read("/replacements")["items"] == []
    assert reader.read("/replacements")["coverage"]["devices"] == 0


@pytest.mark.usefixtures("three")
def test_a_cursor_is_good_for_the_question_it_was_made_for_alone(reader: Reader) -> None:
    cursor = reader.read("/devices", limit=1)["next"]

    assert reader.get("/devices", limit=5, after=cursor).status_code == 200
    for other in ({"unit": "North"}, {"sort": "start"}, {"order": "desc"}, {"after": cursor[:-1]}):
        assert reader.get("/devices", **{"after": cursor, **other}).status_code == 400
    assert reader.get("/replacements", after=cursor).status_code == 400


ASTRAY = [
    ("get", "/api/v1/nonsense", 404),
    ("get", "/api/v1/devices/", 404),
    ("get", "/api/v1/devices/nonsense", 404),
    ("get", "/api/v1/devices/%00", 404),
    ("post", "/api/v1/devices", 405),
    ("get", "/api/v1/reports", 405),
    ("trace", "/api/v1/enrol", 405),
]


def test_errors_of_addresses_and_methods_are_problems(client: FlaskClient) -> None:
    for method, path, status in ASTRAY:
        answer = client.open(path, method=method.upper())

        assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
        assert answer.json["status"] == status
        assert (status != 405) or answer.headers["Allow"]


def test_outside_the_api_errors_are_pages(client: FlaskClient) -> None:
    assert client.get("/nonsense").content_type.startswith("text/html")


def test_a_store_that_does_not_answer_is_a_problem_that_says_to_come_back(
    app: Flask, settings: Settings, reader: Reader
) -> None:
    kept = app.extensions["muster"]
    services.attach(app, services.Services(settings, Database("postgresql://muster@/none?host=/nowhere")))

    answer = reader.get("/devices")

    services.attach(app, kept)
    assert (answer.status_code, answer.json["type"]) == (503, "/problems/busy")
    assert int(answer.headers["Retry-After"]) >= 1
