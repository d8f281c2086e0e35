"""The OpenAPI document: valid, up to date, whole, and true of every real answer."""

from __future__ import annotations

import copy
import re
import uuid
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from tests.server.door import Device, enrolment_key
from tests.server.reader import Reader, judge_all, whole_report
from werkzeug.test import TestResponse

from muster_server import openapi
from muster_server.clock import iso, now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.health.snapshot import Coverage, EstateSnapshot, SignInGroup, StartGroup
from muster_server.ingest.sections import SECTIONS
from muster_server.web.api.device_answers import DeviceWhole
from muster_server.web.api.estate import Estate, FactCoverage, SignInFigures, StartFigures
from muster_server.web.reference import DOCUMENT

BUILT = openapi.build()


def test_the_committed_document_is_what_the_code_says() -> None:
    assert DOCUMENT.read_text("utf-8") == openapi.text(), "run `make rules`"


def test_the_document_is_valid_openapi() -> None:
    validate(BUILT)


def test_every_route_under_the_api_stands_in_the_document_and_the_reverse(app: Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1")]
    served = {
        (re.sub(r"<\w+:(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert {(path, method) for path, item in BUILT["paths"].items() for method in item} == served


def test_anybody_may_read_the_document(client: FlaskClient) -> None:
    assert client.get("/openapi.json").json == BUILT


def test_every_operation_its_parameters_and_its_problems_are_described() -> None:
    for item in BUILT["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            assert [p["name"] for p in operation["parameters"] if p["in"] == "query" and not p["description"]] == []
            assert {"400", "401", "403", "503"} <= set(operation["responses"])


def strict(reference: str) -> Draft202012Validator:
    """A validator that also wants every field to be spelt out and no other to be there."""
    components = copy.deepcopy(BUILT["components"])
    for schema in components["schemas"].values():
        if "properties" in schema:
            schema.update(required=list(schema["properties"]), additionalProperties=False)
    whole = {"$ref": reference, "components": components}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)


def is_as_described(answer: TestResponse, path: str, method: str = "get") -> None:
    described = BUILT["paths"][path][method]["responses"][str(answer.status_code)]
    if "$ref" in described:
        described = BUILT["components"]["responses"][described["$ref"].rsplit("/", 1)[1]]
    strict(described["content"][answer.content_type]["schema"]["$ref"]).validate(answer.json)


@pytest.fixture
def reader(client: FlaskClient, database: Database) -> Reader:
    return Reader(client, database)


@pytest.fixture
def device(client: FlaskClient, database: Database, settings: Settings) -> Device:
    enrolled = Device(client, enrolment_key(database))
    table = [[60, 0, 0, 0], *[[0] * 4] * 3]
    hour = {"hour_at": iso(now_ms()), "memory_pressure": table, "commit_pressure": table}
    enrolled.post(whole_report(enrolled), enrolled.report(use={"hours": [hour]}))
    judge_all(database, settings)
    return enrolled


READ = [path for path, item in BUILT["paths"].items() if "get" in item]


def test_every_real_answer_is_as_described(reader: Reader, device: Device) -> None:
    for path in READ:
        answer = reader.get(path.removeprefix("/api/v1").format(device_id=device.uid))

        assert answer.status_code == 200
        is_as_described(answer, path)


def test_answers_and_problems_with_nothing_behind_them_are_as_described(reader: Reader, client: FlaskClient) -> None:
    device = Device(client, enrolment_key(reader.database))
    for path in READ:
        address = path.removeprefix("/api/v1")
        empty = reader.get(address.format(device_id=device.uid))
        unknown = reader.get(address.format(device_id=uuid.uuid4()))
        refused = reader.get(address.format(device_id=device.uid), nonsense="1")
        stranger = client.get(path.format(device_id=device.uid), headers={"Authorization": "Bearer mt_nonsense"})

        assert (refused.status_code, stranger.status_code) == (400, 401)
        for answer in (empty, unknown, refused, stranger):
            is_as_described(answer, path)


def test_the_examples_for_agents_are_taken_as_they_stand(client: FlaskClient, database: Database) -> None:
    bodies = {
        path: BUILT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
        for path in ("/api/v1/enrol", "/api/v1/reports")
    }
    enrolled = client.post("/api/v1/enrol", json={**bodies["/api/v1/enrol"], "key": enrolment_key(database)})
    bearer = {"Authorization": f"Bearer {enrolled.json['token']}"}
    posted = client.post("/api/v1/reports", json=bodies["/api/v1/reports"], headers=bearer)

    assert (enrolled.status_code, posted.status_code) == (201, 202)
    assert posted.json["refused"] == []
    is_as_described(enrolled, "/api/v1/enrol", "post")
    is_as_described(posted, "/api/v1/reports", "post")


def test_problems_of_the_agents_routes_are_as_described(client: FlaskClient) -> None:
    for path in ("/api/v1/enrol", "/api/v1/reports"):
        for headers in ({}, {"Authorization": "Bearer m1.x"}, {"Content-Encoding": "br"}):
            answer = client.post(path, data=b"{", headers=headers)

            assert answer.status_code in (400, 401)
            is_as_described(answer, path, "post")


def test_the_api_shows_every_section_that_devices_send_and_every_figure_of_the_snapshot() -> None:
    told: Any = DeviceWhole.__struct_fields__
    assert set(SECTIONS) - {"use"} <= set(told)
    assert "days" in told
    pairs = (
        (Estate, EstateSnapshot),
        (FactCoverage, Coverage),
        (StartFigures, StartGroup),
        (SignInFigures, SignInGroup),
    )
    for kind, source in pairs:
        assert {name.replace("_ms", "_seconds") for name in source.__struct_fields__} <= set(kind.__struct_fields__)
