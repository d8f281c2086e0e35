"""Transactions on both stores, turns on SQLite, and the rest that bulk writers owe."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select

from muster_server.db import Database
from muster_server.errors import ConfigError, StoreUnavailableError
from muster_server.models import ledger
from muster_server.store.bulk import MAX_ROWS, Bulk, upsert
from muster_server.store.migrate import check_migrated


def test_an_error_inside_a_write_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(RuntimeError, match="half-way"), database.write() as connection:
        upsert(connection, ledger, rows=[{"name": "a", "value": 1}])
        raise RuntimeError("half-way")

    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(ledger)) == 0


def test_upserting_again_overwrites_all_but_the_key(database: Database) -> None:
    for value in (1, 2):
        with database.write() as connection:
            upsert(connection, ledger, rows=[{"name": "a", "value": value}])

    with database.read() as connection:
        assert connection.execute(select(ledger)).all() == [("a", 2)]


def test_writers_in_many_threads_take_turns_and_lose_nothing(database: Database) -> None:
    def add_one() -> None:
        for _ in range(20):
            with database.write() as connection:
                value = connection.scalar(select(ledger.c.value).where(ledger.c.name == "n").with_for_update()) or 0
                upsert(connection, ledger, rows=[{"name": "n", "value": value + 1}])

    with database.write() as connection:
        upsert(connection, ledger, rows=[{"name": "n", "value": 0}])
    threads = [threading.Thread(target=add_one) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.read() as connection:
        assert connection.scalar(select(ledger.c.value)) == 100


def test_bulk_rests_between_transactions_on_sqlite_only(database: Database) -> None:
    rests: list[float] = []
    bulk = Bulk(database, rest=rests.append)

    bulk.upsert(ledger, [{"name": str(number), "value": number} for number in range(2 * MAX_ROWS + 1)])

    assert len(rests) == (2 if database.is_sqlite else 0)
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(ledger)) == 2 * MAX_ROWS + 1


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://x/y", "Muster stores in sqlite or postgresql"),
        ("nonsense", "is no URL"),
        ("sqlite://", "names no file"),
    ],
)
def test_a_store_we_cannot_use_is_refused_with_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Database(url)


def test_a_store_that_is_not_there_is_named_and_not_made(tmp_path: Path) -> None:
    absent = Database(f"sqlite:///{tmp_path / 'absent.db'}")

    with pytest.raises(StoreUnavailableError, match=r"There is no store .*absent\.db"):
        check_migrated(absent)
    absent.close()
    assert not (tmp_path / "absent.db").exists()


def test_an_empty_store_asks_for_its_migration(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")

    with pytest.raises(StoreUnavailableError, match="run `muster db upgrade`"):
        check_migrated(empty)
    empty.close()
