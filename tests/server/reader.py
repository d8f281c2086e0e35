"""What tests of the API share: a reader with a token, and an estate with something to read."""

from __future__ import annotations

import secrets
from typing import Any

from flask.testing import FlaskClient
from tests.server.door import Device, start
from werkzeug.test import TestResponse

from muster_server.clock import HOUR_MS, iso, now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.jobs import fold, judge, snapshot
from muster_server.store.people import create_token

TOLD_OF_A_START: dict[str, Any] = {
    "culprits": [{"name": "x", "kind": "unit", "seconds": 4}],
    "lower_bounds": ["to_settled"],
    "session_seconds": 11,
    "stop_before": "bugcheck",
    "stop_code": "0x0000009f",
}


class Reader:
    """A program with an API token."""

    def __init__(self, client: FlaskClient, database: Database, role: str = "viewer") -> None:
        self.client, self.database = client, database
        with database.write() as connection:
            self.token = create_token(connection, "tests", role=role, days=1)

    def get(self, path: str, **query: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.client.get(f"/api/v1{path}", query_string=query, headers=headers)

    def read(self, path: str, **query: Any) -> Any:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json


def starts(seconds: float, count: int = 10) -> list[dict[str, Any]]:
    return [start(iso(now_ms() - (1 + n) * HOUR_MS), seconds) for n in range(count)]


def sign_in(hours_ago: int, **more: Any) -> dict[str, Any]:
    """A sign-in of a person whose profile was on the device."""
    marks = {"to_desktop_seconds": 9, "to_desktop_quality": "estimated", "to_usable_seconds": 31}
    named = {"sign_in_id": secrets.token_hex(16), "at": iso(now_ms() - hours_ago * HOUR_MS), "kind": "cached"}
    return {**named, **marks, "authentication_seconds": 2, "policy_seconds": 7, **more}


def whole_report(device: Device, **changed: Any) -> dict[str, Any]:
    """A report with every section, of a laptop that starts slowly."""
    hour = {"hour_at": iso(now_ms() // HOUR_MS * HOUR_MS), "cpu": [60, *[0] * 11], "disk_wait": [60, *[0] * 7]}
    sections: dict[str, Any] = {
        "system": {"hostname": "pc-7", "os_family": "linux", "os_id": "debian", "os_name": "Debian GNU/Linux 12"},
        "hardware": {"device_class": "laptop", "model": "T14", "serial": "S7", "drives": [{"name": "sda"}]},
        "place": {"join": "domain", "site": "LEEDS", "organisational_unit": "Leeds/Laptops"},
        "starts": [{**each, **TOLD_OF_A_START} for each in starts(600)],
        "sign_ins": [sign_in(n, lower_bounds=["to_usable"]) for n in range(6)],
        "use": {"hours": [hour]},
        "disks": {"volumes": [{"name": "/", "total_bytes": 100, "free_bytes": 25, "system": True}]},
        "battery": {"packs": [{"name": "BAT0", "unit": "Wh", "design": 50, "full": 40}]},
        "software": {"titles": [{"name": f"t{n}", "version": "1"} for n in range(5)], "more_titles": 3},
        "restart": {"pending": True, "reasons": ["kernel"]},
        "agent": {"notes": ["spool was full"]},
    }
    report = device.report(**{**sections, **changed})
    return {**report, "outcomes": {"battery": {"outcome": "ok", "seconds": 0.1}}}


def judge_all(database: Database, settings: Settings) -> None:
    """Fold what was posted, judge it and make a snapshot."""
    fold.run(database, settings, now=now_ms())
    judge.run(database, settings, now=now_ms())
    snapshot.run(database, settings, now=now_ms())
