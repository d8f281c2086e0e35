"""The gate before Flask: it answers as the route behind it would, and leaves everything else alone."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from tests.server.door import Answer, Device, enrolment_key
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from muster_server.db import Database


def test_a_report_gets_the_same_answer_at_the_gate_and_through_flask(
    app: Flask, client: FlaskClient, database: Database
) -> None:
    device = Device(client, enrolment_key(database))
    report = device.report(restart={"pending": False}, disks=7)
    device.post(report)

    at_the_gate = device.post(report)
    headers = Headers({"Authorization": f"Bearer {device.token}"})
    body = {"sent_at": "2026-11-20T10:00:00Z", "reports": [report]}
    environ = EnvironBuilder("/api/v1/reports", method="POST", json=body, headers=headers).get_environ()
    with app.request_context(environ):
        through_flask = app.full_dispatch_request()

    assert _told(at_the_gate) == _told(through_flask)
    assert at_the_gate.json["duplicate"] == [report["report_id"]]


def _told(answer: Response | Answer) -> tuple[int, str, dict[str, Any]]:
    body: dict[str, Any] = {**(answer.json or {})}
    body.pop("server_time")
    return answer.status_code, answer.headers["Content-Type"], body


def test_the_gate_leaves_every_other_method_and_path_to_flask(client: FlaskClient) -> None:
    assert client.get("/api/v1/reports").status_code == 405
    assert client.post("/api/v1/reports/").status_code == 404
    assert client.get("/healthz").status_code == 200
