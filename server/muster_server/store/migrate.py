"""Brings a store to the newest schema, and says when it is not there."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from muster_server.db import Database
from muster_server.errors import StoreUnavailableError
from muster_server.store.partitions import ensure_partitions

_SCRIPTS = Path(__file__).parent.parent / "migrations"


def migrate(database: Database, now: int) -> None:
    """Run every migration that is missing and make the partitions that `now` (epoch ms) needs. Safe to repeat."""
    with database.write() as connection:
        command.upgrade(_config(connection), "head")
        ensure_partitions(connection, now)


def check_migrated(database: Database) -> None:
    """Raise StoreUnavailableError when the store cannot be reached or its schema is not the one this code expects."""
    wanted = ScriptDirectory.from_config(_config(None)).get_current_head()
    try:
        with database.read() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        raise StoreUnavailableError(f"The store cannot be reached: {error.orig}. Check database_url.") from None
    if found != wanted:
        raise StoreUnavailableError(f"The store's schema is {found or 'empty'}, not {wanted}: run `muster db upgrade`.")


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
