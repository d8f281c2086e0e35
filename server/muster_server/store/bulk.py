"""Bulk writes that leave room for ingest.

Enters: rows. Leaves: committed transactions of at most `MAX_ROWS` rows. On SQLite each transaction is followed by a
rest as long as itself, 5 ms at least: without it a judging job starved ingest from 17,800 commits to between 3 and 168
in 8 s. Computing between two transactions counts as rest, since no lock is held.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table

from muster_server.db import Database, insert_for

MAX_ROWS = 1_000
_LEAST_REST_SECONDS = 0.005


class Bulk:
    """Write transactions of one job, spaced so that others get their turn."""

    def __init__(self, database: Database, *, rest: Callable[[float], None] = time.sleep) -> None:
        self._database = database
        self._rest = rest
        self._free_at = 0.0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A write transaction, begun after the rest that the one before it owes. Put at most MAX_ROWS rows in it."""
        if self._database.is_sqlite:
            owed = self._free_at - time.monotonic()
            if owed > 0:
                self._rest(owed)
        with self._database.write() as connection:
            begun = time.monotonic()
            yield connection
        ended = time.monotonic()
        self._free_at = ended + max(_LEAST_REST_SECONDS, ended - begun)

    def upsert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write any number of rows in as many transactions as they need; an existing key is overwritten."""
        for chunk in chunks(rows):
            with self.transaction() as connection:
                upsert(connection, table, rows=chunk)


def chunks(rows: Sequence[Any], size: int = MAX_ROWS) -> Iterator[Sequence[Any]]:
    """Consecutive slices of `rows`, each of at most `size`."""
    for begin in range(0, len(rows), size):
        yield rows[begin : begin + size]


def upsert(connection: Connection, table: Table, *, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns; where the primary key exists, overwrite the other columns."""
    if not rows:
        return
    connection.execute(_upsert(connection.dialect.name, table, columns=tuple(rows[0])), list(rows))


@cache  # a statement takes longer to build than a row to write
def _upsert(dialect: str, table: Table, *, columns: tuple[str, ...]) -> Any:
    keys = [column.name for column in table.primary_key.columns]
    statement = insert_for(dialect, table)
    others = {name: statement.excluded[name] for name in columns if name not in keys}
    if others:
        return statement.on_conflict_do_update(index_elements=keys, set_=others)
    return statement.on_conflict_do_nothing(index_elements=keys)


def insert_tuples(connection: Connection, table: Table, *, columns: tuple[str, ...], rows: Sequence[Any]) -> None:
    """Insert rows whose values stand in the order of `columns`.

    Straight on the driver: SQLAlchemy's own work for a row costs twice the store's, and every report passes by here.
    """
    if rows:
        kind: Any = type(connection.dialect)
        connection.exec_driver_sql(_text(kind, table, columns=columns, overwrite=False), list(rows))


def upsert_tuples(connection: Connection, table: Table, *, columns: tuple[str, ...], rows: Sequence[Any]) -> None:
    """The same; where the primary key exists, overwrite the other columns."""
    if rows:
        kind: Any = type(connection.dialect)
        connection.exec_driver_sql(_text(kind, table, columns=columns, overwrite=True), list(rows))


@cache
def _text(dialect: Any, table: Table, *, columns: tuple[str, ...], overwrite: bool) -> str:
    name = dialect.name
    statement = _upsert(name, table, columns=columns) if overwrite else insert_for(name, table)
    by_place = dialect(paramstyle="qmark" if name == "sqlite" else "format")
    return str(statement.inline().compile(dialect=by_place, column_keys=list(columns)))
