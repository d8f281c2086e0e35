"""The store's connections. Enters: a database URL. Leaves: `Database` with `read()` and `write()` transactions.

SQLite and PostgreSQL run the same code. On SQLite a write transaction first takes its turn at a lock file, so that
whoever waits goes next, then opens with BEGIN IMMEDIATE: a deferred transaction that turns into a writer fails at once
and ignores the busy timeout. WAL with synchronous=FULL: a commit that was answered survives a loss of power.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError

from muster_server.errors import ConfigError

_WRITES = "muster_writes"
_CONNECT_SECONDS = 5


class Database:
    """Connections to one store. Cheap to make; engines connect at first use. Safe to share between threads."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        """Open `url`, `sqlite:///path` or `postgresql://…`; raises ConfigError for anything else."""
        self.engine = _engine(url, pool_size)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self.file = Path(str(self.engine.url.database)) if self.is_sqlite else None
        self._turn_path = Path(f"{self.file}.turn") if self.file else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads. Keep it under a second: it holds SQLite's log back."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; committed with fsync when the block ends, rolled back on any error."""
        with self._turn(), self.engine.connect() as connection:
            writer = connection.execution_options(**{_WRITES: True})
            with writer.begin():
                yield writer

    @contextmanager
    def exclusive(self, name: str) -> Iterator[bool]:
        """Whether this is now the only holder of `name` in all processes on this store; held until the block ends."""
        if self._turn_path is not None:
            handle = os.open(self._turn_path.with_suffix(f".{name}"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                yield _locks_now(handle)
            finally:
                os.close(handle)
            return
        with self.engine.connect() as connection:
            # Held by the session, so that a process that dies gives it back.
            number = zlib.crc32(f"muster.{name}".encode())
            held = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": number}))
            connection.commit()
            try:
                yield held
            finally:
                if held:
                    connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": number})
                    connection.commit()

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._turn_path is None:
            yield
            return
        handle = os.open(self._turn_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _locks_now(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def insert(connection: Connection, table: Table) -> Any:
    """The dialect's INSERT, which knows `on_conflict_do_update` on both stores."""
    return insert_for(connection.dialect.name, table)


def insert_for(dialect: str, table: Table) -> Any:
    """The INSERT of a dialect by its name, for statements that are built once and kept."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def _engine(url: str, pool_size: int) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError("database_url is no URL: write sqlite:///PATH or postgresql://USER@HOST/NAME") from None
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database:
            raise ConfigError("database_url names no file; write sqlite:///PATH, since memory is lost with the process")
        engine = create_engine(parsed, pool_size=pool_size, max_overflow=pool_size, connect_args={"timeout": 30})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if parsed.get_backend_name() == "postgresql":
        url_with_driver = parsed.set(drivername="postgresql+psycopg")
        within = {"connect_timeout": _CONNECT_SECONDS}
        return create_engine(
            url_with_driver, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True, connect_args=within
        )
    raise ConfigError(f"database_url names {parsed.get_backend_name()!r}; Muster stores in sqlite or postgresql")


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, below
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "busy_timeout = 30000",
        "cache_size = -32000",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
