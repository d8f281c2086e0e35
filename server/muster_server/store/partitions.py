"""Range partitions on PostgreSQL: made ahead of time, dropped whole when their facts are too old.

SQLite has none: there `retention` deletes rows instead. Which tables, by which column and how wide, stands in each
table's `info["partition"]`; a default partition takes what no range covers, so that no report is ever refused.
"""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Connection, Table, inspect, text

from muster_server.clock import DAY_MS, day_of, day_start_ms
from muster_server.models import metadata

_DAYS_AHEAD = 7
_MONTHS_BACK = 14  # facts are kept 13 months, so a report of old facts finds its partition


def ensure_partitions(connection: Connection, now: int) -> None:
    """Make the default partition and every range that facts arriving around `now` can fall into. Safe to repeat."""
    if connection.dialect.name != "postgresql":
        return
    existing = set(inspect(connection).get_table_names())
    for table in partitioned_tables():
        if f"{table.name}_default" not in existing:
            connection.execute(text(f"CREATE TABLE {table.name}_default PARTITION OF {table.name} DEFAULT"))
        for name, begins_at, ends_at in _ranges(table, now):
            if name not in existing:
                clause = f"FOR VALUES FROM ({begins_at}) TO ({ends_at})"
                connection.execute(text(f"CREATE TABLE {name} PARTITION OF {table.name} {clause}"))


def drop_expired(connection: Connection, table: Table, *, keep_from: int) -> int:
    """Drop the partitions of `table` that end before `keep_from` (epoch ms); gives how many."""
    dropped = 0
    for name in inspect(connection).get_table_names():
        prefix, _, stamp = name.rpartition("_p")
        if prefix == table.name and stamp.isdigit() and _end_of(stamp) <= keep_from:
            connection.execute(text(f"DROP TABLE {name}"))
            dropped += 1
    return dropped


def partitioned_tables() -> list[Table]:
    """The tables that PostgreSQL keeps in ranges."""
    return [table for table in metadata.sorted_tables if "partition" in table.info]


def _ranges(table: Table, now: int) -> list[tuple[str, int, int]]:
    _, width = table.info["partition"]
    if width == "day":
        days = [day_of(now + DAY_MS * offset) for offset in range(-1, _DAYS_AHEAD)]
        stamps = [day.replace("-", "") for day in days]
    else:
        first = date.fromisoformat(day_of(now)).replace(day=1)
        months = [_add_months(first, offset) for offset in range(-_MONTHS_BACK, 3)]
        stamps = [month.strftime("%Y%m") for month in months]
    return [(f"{table.name}_p{stamp}", _begin_of(stamp), _end_of(stamp)) for stamp in stamps]


def _begin_of(stamp: str) -> int:
    return day_start_ms(f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:] or '01'}")


def _end_of(stamp: str) -> int:
    begin = date.fromisoformat(f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:] or '01'}")
    end = begin + timedelta(days=1) if len(stamp) == 8 else _add_months(begin, 1)
    return day_start_ms(end.isoformat())


def _add_months(first: date, count: int) -> date:
    months = first.year * 12 + first.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)
