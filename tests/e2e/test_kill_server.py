"""kill -9 in the middle of work: what was acknowledged is there exactly once, and counted exactly once."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable

import psutil
import pytest
from sqlalchemy import ColumnElement, func, select
from tests.e2e.load import Load, stored_ids
from tests.e2e.programs import Program, wait_for

from muster_server.db import Database
from muster_server.models import device_days, reports, starts


@pytest.fixture
def chance() -> random.Random:
    """Chance with a seed that is printed; MUSTER_TEST_SEED repeats a run."""
    seed = int(os.environ.get("MUSTER_TEST_SEED") or time.time_ns() % 1_000_000)
    print(f"MUSTER_TEST_SEED={seed}")
    return random.Random(seed)


@pytest.mark.parametrize("rounds", [10, pytest.param(50, marks=pytest.mark.system)])
@pytest.mark.timeout(900)
def test_every_report_that_got_its_202_survives_kill_9_of_the_server(
    served: Program, chance: random.Random, store_url: str, rounds: int
) -> None:
    database = Database(store_url)
    with Load(served.port, served.enrolment_key()) as load:
        for _ in range(rounds):
            time.sleep(chance.uniform(0.05, 0.4))
            kill_group(served)
            acknowledged = set(load.acknowledged)
            served.start()
            served.wait_until_ready()
            assert acknowledged <= stored_ids(database).keys()
    stored = stored_ids(database)
    database.close()

    print(f"{len(load.acknowledged)} reports over {rounds} kills; answers: {dict(load.statuses)}")
    assert load.statuses[0] >= 1, "no request was ever cut off"
    assert stored.keys() == load.acknowledged
    assert set(stored.values()) == {1}


def test_kill_9_of_the_worker_in_the_middle_of_folding_counts_nothing_twice(
    program: Callable[..., Program], chance: random.Random, store_url: str
) -> None:
    up = program("up", "--no-agent", database_url=store_url)
    up.wait_until_said("Stop with")
    database = Database(store_url)
    with Load(up.port, up.enrolment_key()) as load:
        for _ in range(5):
            wait_for("folding", lambda: folds_now(database))
            time.sleep(chance.uniform(0, 0.1))
            kill_jobs(up)
        os.kill(up.child("worker"), signal.SIGKILL)
        up.wait_until_said("worker was started again")
    wait_for("end of folding", lambda: not count(database, reports.c.folded_at.is_(None)))

    with database.read() as connection:
        minutes = [json.loads(text) for text in connection.scalars(select(device_days.c.minutes)) if text]
        folded_starts = connection.scalar(select(func.count()).select_from(starts))
    database.close()
    print(f"{len(load.acknowledged)} reports, {folded_starts} starts")
    assert sum(sum(of_day["cpu"]) for of_day in minutes) == 15 * len(load.acknowledged)
    assert folded_starts == sum(number.endswith("1") for number in load.acknowledged)


def folds_now(database: Database) -> bool:
    """Whether a fold runs."""
    with database.exclusive("fold") as alone:
        return not alone


def kill_jobs(up: Program) -> None:
    """Kill the process in which the worker's jobs run; the worker makes another."""
    for child in psutil.Process(up.child("worker")).children():
        if child.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(child.cmdline()):
            child.kill()


def count(database: Database, which: ColumnElement[bool]) -> int:
    """How many reports are as `which` says."""
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(reports).where(which)) or 0


def kill_group(program: Program) -> None:
    """Kill a program and all it started, at once."""
    os.killpg(program.process.pid, signal.SIGKILL)
    program.process.wait(10)
    wait_for("end of the group", lambda: not psutil.pid_exists(program.process.pid))
