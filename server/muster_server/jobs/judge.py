"""The judging job: devices that are due get new signals, an assessment, and their flags moved.

Enters: the store and the policy. Leaves: the number of devices judged. The same facts, policy and instant give the same
rows to the byte. A device that cannot be judged is saved as "assessment failed", and the others go on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import polars as pl
import structlog
from sqlalchemy import BigInteger, Boolean, Column, Float, Integer

from muster_server.config import Settings
from muster_server.db import Database
from muster_server.health.assess import assess
from muster_server.health.policy import Policy, load_policy
from muster_server.health.signals import DeviceInput, signals_of
from muster_server.jobs.chunks import work_off
from muster_server.models import signals
from muster_server.store.bulk import Bulk, chunks
from muster_server.store.judging import claim, due_devices, load_facts, mark_all_due, save, save_failure, standings

_CHUNK = 250  # devices loaded and judged at once
# Each device writes about five rows, so that a transaction stays under the 1,000 that ingest can wait for.
_SAVED_AT_ONCE = 150
_LONGEST_RUN_SECONDS = 20.0

log = structlog.get_logger()


def run(database: Database, settings: Settings, *, now: int, seconds: float = _LONGEST_RUN_SECONDS) -> int:
    """Judge what is due at `now` for at most about `seconds`; gives how many devices (0 if another judge runs)."""
    policy = load_policy(settings.policy_file)
    done = 0
    ends = time.monotonic() + seconds
    judge = _Judge(database, policy, now=now)
    with database.exclusive("judge") as alone:
        while alone and time.monotonic() < ends and (due := judge.claim()):
            work_off(due, judge.judge, failed=judge.give_up)
            done += len(due)
    return done


def judge_all(database: Database, settings: Settings, *, now: int) -> int:
    """Judge every device that ever reported, whether due or not."""
    with database.write() as connection:
        mark_all_due(connection, now)
    return run(database, settings, now=now, seconds=float("inf"))


class _Judge:
    """One run of the job."""

    def __init__(self, database: Database, policy: Policy, *, now: int) -> None:
        self._database = database
        self._bulk = Bulk(database)
        self._policy = policy
        self._now = now

    def claim(self) -> list[int]:
        with self._database.read() as connection:
            due = due_devices(connection, self._now, limit=_CHUNK)
        if due:
            with self._bulk.transaction() as connection:
                claim(connection, due, now=self._now)
        return due

    def judge(self, ids: Sequence[int]) -> None:
        window = self._policy.general.window_days
        with self._database.read() as connection:
            facts = load_facts(connection, ids, now=self._now, window_days=window)
            before = standings(connection, ids)
        rows: list[dict[str, Any]] = []
        for of_device in facts:
            known = of_device._asdict()
            status = known.pop("status")
            rows.append({**signals_of(DeviceInput(**known), as_of=self._now, window_days=window), "status": status})
        judged = assess(rows, SCHEMA, policy=self._policy, as_of=self._now)
        pairs = [({n: v for n, v in row.items() if n != "status"}, a) for row, a in zip(rows, judged, strict=True)]
        for part in chunks(pairs, _SAVED_AT_ONCE):
            with self._bulk.transaction() as connection:
                save(connection, part, before=before, now=self._now)

    def give_up(self, device_id: int, error: Exception) -> None:
        log.error("A device cannot be judged.", device=device_id, error=repr(error)[:300])
        with self._bulk.transaction() as connection:
            save_failure(connection, device_id, problem=f"assessment failed: {type(error).__name__}", now=self._now)


def _polars_type(column: Column[Any]) -> Any:
    kinds = {BigInteger: pl.Int64, Integer: pl.Int64, Float: pl.Float64, Boolean: pl.Boolean}
    return next((kind for sql, kind in kinds.items() if isinstance(column.type, sql)), pl.String)


# The types of a row of signals, said once: a column of nulls alone would have none.
SCHEMA = {**{column.name: _polars_type(column) for column in signals.columns}, "status": pl.String}
