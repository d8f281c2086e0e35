"""Fixtures of the server's tests: a migrated store of each kind, and the instant at which tests play."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.server import postgresql
from tests.server.door import Device, enrolment_key

from muster_server import create_app
from muster_server.clock import day_start_ms, now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.store.migrate import migrate

NOW = day_start_ms("2026-11-20") + 12 * 3_600_000


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    with postgresql.running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty store of each kind: a test that takes it (or `database`) runs on both."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'muster.db'}"
        return
    server: postgresql.Server = request.getfixturevalue("postgresql_server")
    url = server.fresh_url()
    yield url
    server.drop(url)


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """A migrated, empty store."""
    opened = Database(store_url)
    migrate(opened, NOW)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    """A migrated, empty SQLite store, for tests to which the kind of store makes no difference."""
    opened = Database(f"sqlite:///{tmp_path / 'muster.db'}")
    migrate(opened, NOW)
    yield opened
    opened.close()


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of a server on a store of each kind."""
    return Settings(database_url=store_url, data_dir=str(tmp_path), web_threads=4)


@pytest.fixture
def app(database: Database, settings: Settings) -> Iterator[Flask]:
    """The application on a migrated store; its writer ends with the test."""
    migrate(database, now_ms())
    made = create_app(settings)
    yield made
    door = made.extensions["muster_door"]
    door.writer.stop()
    door.revocations.stop()
    made.extensions["muster"].database.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the application."""
    return app.test_client()


@pytest.fixture
def device(client: FlaskClient, database: Database) -> Device:
    """A device that is enrolled and has reported nothing."""
    return Device(client, enrolment_key(database))
