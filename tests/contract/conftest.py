"""Fixtures of the contract: a server on an empty store, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from muster_server import create_app
from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.store.migrate import migrate


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path / "server"), web_threads=4)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """An empty store."""
    Path(settings.data_dir).mkdir()
    opened = Database(settings.store_url)
    yield opened
    opened.close()


@pytest.fixture
def app(database: Database, settings: Settings) -> Iterator[Flask]:
    """The application on that store; its writer ends with the test."""
    migrate(database, now_ms())
    made = create_app(settings)
    yield made
    door = made.extensions["muster_door"]
    door.writer.stop()
    door.revocations.stop()
    made.extensions["muster"].database.close()
