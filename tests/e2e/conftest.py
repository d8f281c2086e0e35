"""Fixtures of the tests that run Muster's own programs: a store of each kind, and programs that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.programs import Program
from tests.server.conftest import postgresql_server, store_url

from muster_server.clock import now_ms
from muster_server.db import Database
from muster_server.store.migrate import migrate

__all__ = ["postgresql_server", "store_url"]

Start = Callable[..., Program]


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Start]:
    """Starts `muster` with arguments and settings, in a data directory of the test's; ends it by force."""
    with ExitStack() as stack:

        def start(*arguments: str, **settings: Any) -> Program:
            made = Program(settings.pop("data_dir", tmp_path / "var"), *arguments, **settings)
            stack.callback(made.kill)
            made.start()
            return made

        yield start


@pytest.fixture
def served(program: Start, store_url: str) -> Program:
    """`muster serve` alone, ready, on an empty store of each kind."""
    with closing(Database(store_url)) as database:
        migrate(database, now_ms())
    started = program("serve", database_url=store_url)
    started.wait_until_ready()
    return started
