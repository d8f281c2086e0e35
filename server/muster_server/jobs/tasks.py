"""The Celery tasks: each runs one job, notes the run, and goes on with the next when there was something to do.

fold → judge → snapshot, so that a report is judged and shown within seconds of its arrival. They follow in one task:
sent as messages, judging would wait behind every hint to fold that came meanwhile. The schedule starts each anyway, so
a lost message costs seconds and nothing else.
"""

from __future__ import annotations

import gc
import os
import time
from functools import cache
from typing import Protocol

import structlog

from muster_server.clock import now_ms
from muster_server.config import Settings, load_settings
from muster_server.db import Database
from muster_server.jobs import fold, judge, retention, schedule, snapshot
from muster_server.queue import FOLD, JUDGE, RETENTION, SNAPSHOT, app
from muster_server.store.operations import record_run

log = structlog.get_logger()
app.conf.beat_schedule = schedule.BEAT

# Jobs make small lists by the hundred thousand and no cycles. At Python's own threshold, looking for cycles among them
# was measured to take 28 % of fold's time.
gc.freeze()
gc.set_threshold(50_000)


@cache
def _parts() -> tuple[Database, Settings]:
    settings = load_settings(None, os.environ)
    return Database(settings.store_url), settings


class Job(Protocol):
    """A job's `run`: does what waits at `now` (epoch ms) and gives how much that was."""

    def __call__(self, database: Database, settings: Settings, /, *, now: int) -> int:
        """Run once."""


def _run(name: str, job: Job) -> int:
    """Run a job and note the run, failed ones too; an idle run of a busy schedule is noted once a minute."""
    database, settings = _parts()
    started_at = now_ms()
    row: dict[str, object] = {
        "started_at": started_at,
        "outcome": "failed",
        "done_count": 0,
        "problem": "see the worker's log",
    }
    try:
        done = job(database, settings, now=started_at)
        row.update(outcome="ok", done_count=done, problem=None)
    finally:
        if row["outcome"] == "failed" or row["done_count"] or _noted_long_ago(name):
            with database.write() as connection:
                record_run(connection, name, row={**row, "ended_at": now_ms()})
    return done


_noted: dict[str, float] = {}


def _noted_long_ago(name: str) -> bool:
    now = time.monotonic()
    if now - _noted.get(name, -60.0) < 60.0:
        return False
    _noted[name] = now
    return True


@app.task(name=FOLD)
def fold_reports() -> None:
    """Fold what waits, then have it judged."""
    if _run("fold", fold.run):
        judge_devices()


@app.task(name=JUDGE)
def judge_devices() -> None:
    """Judge what is due, then show it."""
    if _run("judge", judge.run):
        take_snapshot()


@app.task(name=SNAPSHOT)
def take_snapshot() -> None:
    """Make the estate's snapshot."""
    _run("snapshot", snapshot.run)


@app.task(name=RETENTION)
def forget_old() -> None:
    """Forget what is too old."""
    _run("retention", retention.run)
