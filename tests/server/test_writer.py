"""The writer: whatever happens to the store or to its thread, whoever waits gets an answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from muster_server.clock import now_ms
from muster_server.db import Database
from muster_server.ingest.writer import Writer, WriterStoppedError
from muster_server.store.reports import Batch

BATCH = Batch("no such device", 1, now_ms(), [])


@pytest.fixture
def died() -> threading.Event:
    return threading.Event()


@pytest.fixture
def writer(sqlite_database: Database, died: threading.Event) -> Iterator[Writer]:
    made = Writer(sqlite_database, on_commit=lambda: None, on_death=died.set, wait_seconds=1.0)
    yield made
    made.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_dies_in_the_middle_of_a_commit_fails_those_who_wait_and_says_so(
    writer: Writer, died: threading.Event, tmp_path: Path
) -> None:
    (tmp_path / "muster.db.turn").unlink()
    (tmp_path / "muster.db.turn").mkdir()

    with pytest.raises(WriterStoppedError):
        writer.take(BATCH)

    assert died.wait(10)
    assert not writer.alive
    with pytest.raises(WriterStoppedError):
        writer.take(BATCH)


def test_a_store_that_does_not_answer_costs_a_device_a_limited_time_and_comes_back(
    writer: Writer, sqlite_database: Database
) -> None:
    with sqlite_database.write(), pytest.raises(WriterStoppedError):  # holds the only turn to write
        writer.take(BATCH)

    assert writer.alive
    assert writer.take(BATCH) is None
