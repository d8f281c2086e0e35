"""Brings a store to the newest schema, and says when it is not there."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from muster_server.db import Database
from muster_server.errors import StoreUnavailableError
from muster_server.store.partitions import ensure_partitions

_SCRIPTS = Path(__file__).parent.parent / "migrations"


def migrate(database: Database, now: int) -> None:
    """Run every migration that is missing and make the partitions that `now` (epoch ms) needs. Safe to repeat.

    Raises StoreUnavailableError.
    """
    if database.file is not None:
        database.file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with database.write() as connection:
            migrate_to(connection, "head")
            ensure_partitions(connection, now)
    except DatabaseError as error:  # OperationalError, or a file that is no database
        raise unavailable(error) from None


def migrate_to(connection: Connection, revision: str) -> None:
    """Run the migrations up to one; `head` is the newest."""
    command.upgrade(_config(connection), revision)


def check_migrated(database: Database) -> None:
    """Raise StoreUnavailableError when the store cannot be reached or its schema is not the one this code expects."""
    if database.file is not None and not database.file.exists():
        raise StoreUnavailableError(f"There is no store {database.file}: start `muster up`, or name its --data-dir.")
    wanted = ScriptDirectory.from_config(_config(None)).get_current_head()
    try:
        with database.read() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    except DatabaseError as error:
        raise unavailable(error) from None
    if found != wanted:
        raise StoreUnavailableError(f"The store's schema is {found or 'empty'}, not {wanted}: run `muster db upgrade`.")


def unavailable(error: DatabaseError) -> StoreUnavailableError:
    """The sentence for a store that refuses: it is away, full, locked or not a store."""
    reason = str(error.orig).partition("\n")[0].rstrip(".")
    return StoreUnavailableError(f"The store cannot be used: {reason}. Check database_url and the disk.")


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
