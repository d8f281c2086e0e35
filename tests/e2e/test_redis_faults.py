"""Redis frozen and Redis killed: reports are taken as before, and judging goes on by itself afterwards."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing

import pytest
from tests.e2e.conftest import Start
from tests.e2e.judging import Reader, newcomer, post_slow_starts
from tests.e2e.load import Load
from tests.e2e.programs import wait_for

from muster_server.clock import now_ms
from muster_server.store.operations import newest_runs

# Longer than the worker's and the beat's patience with a socket, so that both see their connection fail.
FROZEN_SECONDS = 8.0


def test_a_frozen_redis_costs_no_report_and_judging_resumes(program: Start) -> None:
    up = program("up", "--no-agent")
    up.wait_until_said("Stop with")
    redis = up.child("redis")
    with Load(up.port, up.enrolment_key()) as load:
        before = load.rate(2)
        os.kill(redis, signal.SIGSTOP)
        frozen_at = time.monotonic()
        during = load.rate(2)
    device = newcomer(up)
    post_slow_starts(device)
    time.sleep(max(0.0, frozen_at + FROZEN_SECONDS - time.monotonic()))
    os.kill(redis, signal.SIGCONT)
    thawed_at = time.monotonic()

    Reader(up).wait_for_verdict(device, "fix")

    took = time.monotonic() - thawed_at
    print(f"{before:.0f} reports/s before, {during:.0f}/s while Redis was frozen; judged {took:.1f} s after")
    assert during > 0
    assert set(load.statuses) == {202}


@pytest.mark.system
@pytest.mark.timeout(400)
def test_the_schedule_goes_on_without_hints_after_a_long_freeze(program: Start) -> None:
    up = program("up", "--no-agent")
    up.wait_until_said("Stop with")
    redis = up.child("redis")
    os.kill(redis, signal.SIGSTOP)
    time.sleep(60)
    os.kill(redis, signal.SIGCONT)
    thawed_at = now_ms()

    def idle_run() -> bool:
        """Nobody posts, so nobody but the schedule asks for a fold; a run that found nothing is noted once a minute."""
        with closing(up.open_store()) as database, database.read() as connection:
            runs = newest_runs(connection)
        return any(run["job"] == "fold" and run["started_at"] > thawed_at + 10_000 for run in runs)

    wait_for("scheduled fold", idle_run, 150)


def test_a_killed_redis_costs_no_report_and_judging_resumes(program: Start) -> None:
    up = program("up", "--no-agent")
    up.wait_until_said("Stop with")
    with Load(up.port, up.enrolment_key()) as load:
        before = load.rate(2)
        os.kill(up.child("redis"), signal.SIGKILL)
        during = load.rate(1)
    up.wait_until_said("redis was started again")
    device = newcomer(up)
    post_slow_starts(device)

    Reader(up).wait_for_verdict(device, "fix")

    print(f"{before:.0f} reports/s before, {during:.0f}/s while Redis was gone")
    assert set(load.statuses) == {202}


def test_a_redis_that_is_not_there_is_said_and_reports_are_taken(program: Start) -> None:
    up = program("up", "--no-agent", redis_url="redis://:hush@127.0.0.1:1/0")
    said = up.wait_until_said("Stop with")

    assert "Using the Redis at 127.0.0.1:1/0." in said
    assert "It does not answer. Reports are taken, and judged once it does." in said
    assert "hush" not in said
    post_slow_starts(newcomer(up))
    assert up.stop() == 0
