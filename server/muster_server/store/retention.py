"""What is too old is forgotten: whole partitions on PostgreSQL, at most 1,000 rows at a time on SQLite."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, delete, select, tuple_, update

from muster_server.clock import HOUR_MS
from muster_server.db import Database
from muster_server.models import estate_snapshots, job_runs, sessions, streams
from muster_server.store.bulk import MAX_ROWS, Bulk
from muster_server.store.partitions import drop_expired


def forget_partitioned(database: Database, table: Table, *, keep_from: int) -> int:
    """Forget the rows of a time-keyed table from before `keep_from` (epoch ms); gives how many rows or partitions."""
    if not database.is_sqlite:
        with database.write() as connection:
            return drop_expired(connection, table, keep_from=keep_from)
    return forget_rows(database, table, old=table.c[table.info["partition"][0]] < keep_from)


def forget_rows(database: Database, table: Table, *, old: Any) -> int:
    """Delete the rows of `table` for which `old` holds, in transactions that leave room for ingest."""
    bulk = Bulk(database)
    key = list(table.primary_key.columns)
    some = select(*key).where(old).limit(MAX_ROWS)
    forgotten = 0
    while True:
        with bulk.transaction() as connection:
            count = connection.execute(delete(table).where(tuple_(*key).in_(some))).rowcount
        forgotten += count
        if count < MAX_ROWS:
            return forgotten


def blur(database: Database, table: Table, *, exact_from: int) -> int:
    """Keep only the hour of rows from before `exact_from`: an exact time is nearly a person's time of arrival."""
    bulk = Bulk(database)
    at = table.c[table.info["partition"][0]]
    exact = (at < exact_from) & (at % HOUR_MS != 0)
    key = list(table.primary_key.columns)
    blurred = 0
    while True:
        with bulk.transaction() as connection:
            some = select(*key).where(exact).limit(MAX_ROWS)
            hour = at - at % HOUR_MS
            count = connection.execute(update(table).where(tuple_(*key).in_(some)).values({at: hour})).rowcount
        blurred += count
        if count < MAX_ROWS:
            return blurred


def forget_small(database: Database, ages: dict[str, int]) -> int:
    """Forget dead streams, old job runs, snapshots, sessions; `ages` gives each the instant from which it is kept."""
    return (
        forget_rows(database, streams, old=streams.c.last_received_at < ages["streams"])
        + forget_rows(database, job_runs, old=job_runs.c.started_at < ages["job_runs"])
        + forget_rows(database, estate_snapshots, old=estate_snapshots.c.made_at < ages["snapshots"])
        + forget_rows(database, sessions, old=sessions.c.seen_at < ages["sessions"])
    )
