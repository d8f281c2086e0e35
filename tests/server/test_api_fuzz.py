"""Hostile values in every place that the OpenAPI document names: each answer is one it describes, never a 500."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.server.door import Device, enrolment_key
from tests.server.reader import Reader, judge_all, whole_report
from werkzeug.test import TestResponse

from muster_server.config import Settings
from muster_server.db import Database
from muster_server.web.reference import DOCUMENT

DESCRIBED = json.loads(DOCUMENT.read_text("utf-8"))
READ = {path: item["get"] for path, item in DESCRIBED["paths"].items() if "get" in item}
SENT = {path: item["post"] for path, item in DESCRIBED["paths"].items() if "post" in item}
BOUNDED = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))

NASTY = (
    "", "\0", "%", "_", "'", '"', "\\", "null", "NaN", "-1", "1e999", "9" * 400, "0x10", "\u0661", "\U0001f600",
    "' OR 1=1 --", "../../etc/passwd", "{}", "[]", "true", "x" * 3000, "\ufeff", "\udcff", "\u202e", "é", "İ", "ß",
)  # fmt: skip
TEXT = st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
HEADERS = st.dictionaries(
    st.sampled_from(["Accept", "Content-Type", "Content-Encoding", "Cookie", "Host", "If-None-Match", "Range",
                     "X-Forwarded-For", "X-HTTP-Method-Override", "Content-Length", "Authorization"]),
    HEADER | st.sampled_from(["gzip", "Bearer ", "muster=x", "bytes=0-1", "-1", "application/xml"]),
    max_size=3,
)  # fmt: skip


def allowed_by(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    """Values that a parameter takes."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "integer":
        return st.integers(schema["minimum"], schema["maximum"]).map(str)
    return (
        st.sampled_from(["true", "false"]) if schema["type"] == "boolean" else st.sampled_from(["North", "pc-7", "_"])
    )


def queries(operation: dict[str, Any]) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Query strings: parameters of the document with good and bad values, and names that it does not know."""
    known = [p for p in operation["parameters"] if p["in"] == "query"]
    one = st.tuples(TEXT, TEXT)
    for parameter in known:
        one |= st.tuples(st.just(parameter["name"]), allowed_by(parameter["schema"]) | TEXT)
    return st.lists(one, max_size=4)


def quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogateescape")  # \udcff becomes %FF, which is not UTF-8


@pytest.fixture
def device(client: FlaskClient, database: Database, settings: Settings) -> Device:
    """A judged device, so that questions find something."""
    enrolled = Device(client, enrolment_key(database))
    enrolled.post(whole_report(enrolled))
    judge_all(database, settings)
    return enrolled


def is_described(answer: TestResponse, operation: dict[str, Any]) -> None:
    assert answer.status_code < 500, answer.text
    assert str(answer.status_code) in operation["responses"] or answer.status_code in (404, 405, 308)
    if answer.status_code >= 400:
        assert answer.content_type == "application/problem+json"
        assert answer.json["status"] == answer.status_code


def test_no_nasty_value_in_any_one_place_makes_the_server_fail(
    client: FlaskClient, device: Device, database: Database
) -> None:
    bearer = {"Authorization": f"Bearer {Reader(client, database).token}"}
    for path, operation in READ.items():
        address = path.replace("{device_id}", device.uid)
        for nasty in map(quoted, NASTY):
            names = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"]
            for query in (f"{nasty}=1", *(f"{name}={nasty}" for name in names)):
                is_described(client.get(address, query_string=query, headers=bearer), operation)
            is_described(client.get(path.replace("{device_id}", nasty), headers=bearer), operation)


def test_no_question_makes_the_server_fail(client: FlaskClient, device: Device, database: Database) -> None:
    token = Reader(client, database).token

    @BOUNDED
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(list(READ)))
        address = path.replace("{device_id}", quoted(data.draw(st.just(device.uid) | TEXT)))
        headers = {"Authorization": f"Bearer {token}", **data.draw(HEADERS)}
        query = "&".join(f"{quoted(name)}={quoted(value)}" for name, value in data.draw(queries(READ[path])))
        answer = client.get(address, query_string=query, headers=headers)

        is_described(answer, READ[path])

    ask()


def test_nothing_sent_to_the_routes_of_devices_makes_the_server_fail(client: FlaskClient, device: Device) -> None:
    bodies = {path: post["requestBody"]["content"]["application/json"]["example"] for path, post in SENT.items()}
    numbers = st.integers() | st.floats()
    anything = st.recursive(st.none() | st.booleans() | numbers | TEXT, lambda inner: st.lists(inner, max_size=3))

    @BOUNDED
    @given(st.data())
    def send(data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(list(SENT)))
        changed = data.draw(st.dictionaries(st.sampled_from(list(bodies[path])), anything, max_size=3))
        body = json.dumps({**bodies[path], **changed}).encode()
        headers = {"Authorization": f"Bearer {device.token}", **data.draw(HEADERS)}
        answer = client.post(path, data=data.draw(st.just(body) | st.binary(max_size=60)), headers=headers)

        is_described(answer, SENT[path])

    send()
