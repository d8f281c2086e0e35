"""A device as tests play it: enrols and posts through the application's own routes, and builds plausible reports."""

from __future__ import annotations

import gzip
import json
import secrets
from typing import Any, Protocol

from sqlalchemy import Table, select

from muster_server.clock import iso, now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.jobs import fold
from muster_server.store.enrolment import make_key

TERMS: dict[str, Any] = {"unit": "North", "site": "Station 1", "uses_left": 10_000, "needs_approval": False}


def enrolment_key(database: Database, **terms: Any) -> str:
    """A usable enrolment key, unless `terms` say otherwise."""
    chosen = {**TERMS, "expires_at": now_ms() + 86_400_000, **terms}
    with database.write() as connection:
        return make_key(connection, "tests", now=now_ms(), terms=chosen)


def folded(database: Database, settings: Settings, table: Table) -> list[Any]:
    """Every row of a table, once all that was received is folded."""
    fold.run(database, settings, now=now_ms())
    with database.read() as connection:
        return list(connection.execute(select(table)))


class Answer(Protocol):
    """What a server answered."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Any: ...
    @property
    def text(self) -> str: ...
    @property
    def json(self) -> Any: ...


class Client(Protocol):
    """Flask's test client, or one that speaks HTTP to a running server (`tests/e2e/wire.py`)."""

    def post(self, path: str, /, *, data: bytes = ..., json: Any = ..., headers: Any = ...) -> Answer: ...


class Device:
    """An enrolled device with a spool of its own."""

    def __init__(self, client: Client, key: str | None, **hardware: str | None) -> None:
        self.client = client
        self.stream = secrets.token_hex(16)
        self.sequence = 0
        answer = self.enrol(key, **hardware)
        assert answer.status_code == 201, answer.text
        self.uid, self.token = answer.json["device_id"], answer.json["token"]
        self.generation = answer.json["generation"]

    def enrol(self, key: str | None, token: str | None = None, **hardware: str | None) -> Answer:
        body = {"agent": {"version": "0.1.0"}, "hardware": hardware, "hostname": "pc-1", "key": key}
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.post("/api/v1/enrol", json=body, headers=headers)

    def report(self, collected_at: str | None = None, **sections: Any) -> dict[str, Any]:
        self.sequence += 1
        return {
            "report_id": f"{self.stream}:{self.sequence}",
            "schema": 1,
            "collected_at": collected_at or iso(now_ms()),
            "sections": sections,
        }

    def post(self, *reports: Any, **envelope: Any) -> Answer:
        body = {"sent_at": iso(now_ms()), "agent": {"version": "0.1.0"}, "reports": list(reports), **envelope}
        return self.post_bytes(gzip.compress(json.dumps(body).encode()))

    def post_bytes(self, body: bytes, encoding: str = "gzip", token: str | None = None) -> Answer:
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Encoding": encoding}
        return self.client.post("/api/v1/reports", data=body, headers=headers)


def start(zero_at: str, settled: float, **more: Any) -> dict[str, Any]:
    """A full start that settled after `settled` seconds, measured."""
    mark = {"to_settled_seconds": settled, "to_settled_quality": "measured", "to_settled_revision": 1}
    return {"start_id": secrets.token_hex(16), "kind": "full", "zero_at": zero_at, **mark, **more}
