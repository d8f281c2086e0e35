"""The schema that migrations make is the one the models declare, on both stores."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.server.conftest import NOW

from muster_server.clock import DAY_MS
from muster_server.db import Database
from muster_server.models import metadata, reports
from muster_server.store.migrate import check_migrated, migrate
from muster_server.store.partitions import drop_expired, partitioned_tables


def test_migrated_schema_equals_the_models(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": _ours})

        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    migrate(database, NOW)

    check_migrated(database)


def test_partitions_older_than_their_retention_are_dropped_whole(database: Database) -> None:
    with database.write() as connection:
        dropped = [drop_expired(connection, table, keep_from=NOW - 60 * DAY_MS) for table in partitioned_tables()]
        again = drop_expired(connection, reports, keep_from=NOW - 60 * DAY_MS)

    assert again == 0
    assert sum(dropped) == (0 if database.is_sqlite else 3 * 12)


def _ours(_object: object, name: str | None, kind: str, _reflected: bool, _compare: object) -> bool:  # noqa: FBT001
    partition = name is not None and any(
        name.startswith((f"{t.name}_p2", f"{t.name}_default")) for t in partitioned_tables()
    )
    return not (kind == "table" and partition)
