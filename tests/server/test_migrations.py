"""The schema that migrations make is the one the models declare, on both stores."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select, text
from tests.server.conftest import NOW

from muster_server.clock import DAY_MS, day_start_ms
from muster_server.db import Database
from muster_server.fold import marks, minutes
from muster_server.models import devices, metadata, reports, signals, starts, use_hours
from muster_server.store.folding import Reach, load_facts
from muster_server.store.migrate import check_migrated, migrate, migrate_to
from muster_server.store.partitions import drop_expired, partitioned_tables

HOUR = '{"cpu":[60,0,0,0,0,0,0,0,0,0,0,0]}'
NOTHING_LOST = {"missed": 0, "suspended": 0}


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
    assert sum(dropped) == (0 if database.is_sqlite else 4 * 12)


def test_rows_of_an_older_schema_stay_as_they_are_and_are_read_as_before(store_url: str) -> None:
    database, start = Database(store_url), {"device_id": 1, "start_id": "a" * 32, "zero_at": NOW, "kind": "full"}
    start |= {"to_usable_ms": 60_000, "to_usable_quality": "own", "to_usable_revision": 1, "first_received_at": NOW}
    with database.write() as connection:
        migrate_to(connection, "0001")
        for table in () if database.is_sqlite else (starts, use_hours):
            november = f"FROM ({day_start_ms('2026-11-01')}) TO ({day_start_ms('2026-12-01')})"
            connection.execute(
                text(f"CREATE TABLE {table.name}_p202611 PARTITION OF {table.name} FOR VALUES {november}")
            )
        connection.execute(insert(devices), {"id": 1, "uid": "u", "generation": 1, "enrolled_at": 1, "approved": True})
        connection.execute(insert(starts), {**start, "before_agent": False, "after_update": False})
        connection.execute(insert(use_hours), {"device_id": 1, "hour_at": NOW, "minutes": HOUR, **NOTHING_LOST})
        connection.execute(insert(signals), {"device_id": 1, "as_of": NOW, "start_median_ms": 60_000})

    migrate(database, NOW)

    check_migrated(database)
    with database.read() as connection:
        kept = [connection.execute(select(table)).mappings().one() for table in (starts, use_hours, signals)]
        reach = Reach(device_ids=[1], start_ids=[], sign_in_ids=["b" * 32], begins_at=NOW, ends_at=NOW)
        facts = load_facts(connection, reach)[1]
    database.close()
    assert {name: kept[0][name] for name in start} == start
    assert (kept[0]["to_usable_at_least"], kept[0]["stop_before"], kept[0]["settling_ms"]) == (None, None, None)
    assert (kept[1]["minutes"], kept[2]["start_median_ms"], kept[2]["windows11"]) == (HOUR, 60_000, None)
    assert marks.merge(facts.starts["a" * 32], facts.starts["a" * 32]) == facts.starts["a" * 32]
    assert minutes.total([facts.hours[NOW]["minutes"]] * 2) == {"cpu": [120, *[0] * 11]}


def _ours(_object: object, name: str | None, kind: str, _reflected: bool, _compare: object) -> bool:  # noqa: FBT001
    partition = name is not None and any(
        name.startswith((f"{t.name}_p2", f"{t.name}_default")) for t in partitioned_tables()
    )
    return not (kind == "table" and partition)
