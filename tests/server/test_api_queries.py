"""What the API asks of the store: the same few queries whatever the estate's size, along indexes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from tests.server.door import Device, enrolment_key
from tests.server.reader import Reader, judge_all, whole_report

from muster_server.config import Settings
from muster_server.db import Database
from muster_server.store.lists import SORTS


@pytest.fixture
def store_url(tmp_path: Any) -> str:
    """SQLite alone: its plans do not depend on statistics."""
    return f"sqlite:///{tmp_path / 'muster.db'}"


@contextmanager
def watched(app: Flask) -> Iterator[list[tuple[str, Any]]]:
    """The SELECT statements of the application and their parameters, while the block runs."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    engine = app.extensions["muster"].database.engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def plan(database: Database, statement: str, parameters: Any) -> list[str]:
    with database.read() as connection:
        return [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]


def test_more_devices_make_no_more_queries(
    app: Flask, client: FlaskClient, database: Database, settings: Settings
) -> None:
    reader, key, counts = Reader(client, database), enrolment_key(database), []
    for size in (1, 5):
        for _ in range(size):
            device = Device(client, key)
            device.post(whole_report(device))
        judge_all(database, settings)
        of_paths = {}
        for path in ("/devices", "/replacements", f"/devices/{device.uid}", f"/devices/{device.uid}/software"):
            with watched(app) as seen:
                reader.read(path)
            of_paths[path.split("/")[-1].replace(device.uid, "device")] = len(seen)
        counts.append(of_paths)

    # The token, then: the list, those whose name is not known, coverage. Each suggestion, coverage. Seven of a device.
    assert counts == [{"devices": 4, "replacements": 5, "device": 7, "software": 4}] * 2


def test_lists_walk_along_an_index_and_sort_nothing(app: Flask, client: FlaskClient, database: Database) -> None:
    reader = Reader(client, database)
    sorts = [{"sort": sort, "order": order} for sort in SORTS for order in ("asc", "desc")]
    for path, query in (*(("/devices", each) for each in sorts), ("/replacements", {})):
        with watched(app) as seen:
            reader.read(path, **query)

        lists = [one for one in seen if " ORDER BY " in one[0]]
        assert len(lists) >= 2
        assert [step for one in lists for step in plan(database, *one) if "TEMP B-TREE" in step] == []
