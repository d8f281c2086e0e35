"""The retention job: makes partitions ahead of time and forgets what is older than it may be kept.

Raw reports 7 days and hours of use 30 days by default (settings); days, starts, sign-ins and streams 13 months; exact
times of starts and sign-ins 7 days, then the hour.
"""

from __future__ import annotations

from muster_server.clock import DAY_MS
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.jobs.fold import FACT_DAYS
from muster_server.models import device_days, reports, sign_ins, starts, use_hours
from muster_server.store.partitions import ensure_partitions
from muster_server.store.retention import blur, forget_partitioned, forget_small

_EXACT_DAYS = 7


def run(database: Database, settings: Settings, *, now: int) -> int:
    """Forget what is too old at `now`; gives how many rows or partitions."""

    def ago(days: int) -> int:
        return now - days * DAY_MS

    with database.write() as connection:
        ensure_partitions(connection, now)
    # Partitions hold whole days or months: a day is forgotten once the whole of it is too old.
    forgotten = forget_partitioned(database, reports, keep_from=ago(settings.raw_report_days))
    forgotten += forget_partitioned(database, use_hours, keep_from=ago(settings.use_hour_days))
    for table in (device_days, starts, sign_ins):
        forgotten += forget_partitioned(database, table, keep_from=ago(FACT_DAYS))
    blurred = sum(blur(database, table, exact_from=ago(_EXACT_DAYS)) for table in (starts, sign_ins))
    small = {"streams": ago(FACT_DAYS), "job_runs": ago(7), "snapshots": ago(2), "sessions": ago(30)}
    return forgotten + blurred + forget_small(database, small)
