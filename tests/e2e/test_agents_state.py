"""What may become of an agent's state on a real device, against a real server: killed, put back, its clock set."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.agent.process import environment, running
from tests.agent.waiting import waiting_in
from tests.e2e.programs import Program, wait_for

from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.jobs import fold
from muster_server.models import device_state, devices, starts, use_hours

AGENT = [sys.executable, "-m", "muster_agent"]


@pytest.fixture
def env(served: Program, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "state", f"http://127.0.0.1:{served.port}", enrolment_key=served.enrolment_key())


@pytest.fixture
def database(served: Program) -> Iterator[Database]:
    with closing(served.open_store()) as opened:
        yield opened


def once(env: dict[str, str], *before: str) -> None:
    subprocess.run([*before, *AGENT, "once"], env=env, check=True, capture_output=True, timeout=60)


def rows(database: Database, table: Any) -> list[dict[str, Any]]:
    fold.run(database, Settings(), now=now_ms())
    with database.read() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def identity(env: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(env["MUSTER_AGENT_STATE_DIR"]) / "identity.json").read_text())
    return found


def test_a_state_that_was_put_back_is_noticed_and_the_agent_goes_on_as_another_device(
    env: dict[str, str], database: Database, tmp_path: Path
) -> None:
    once(env)
    shutil.copytree(tmp_path / "state", tmp_path / "kept")
    before = identity(env)
    once(env)
    once(env)

    shutil.rmtree(tmp_path / "state")
    (tmp_path / "kept").rename(tmp_path / "state")
    once(env)
    once(env)

    after = identity(env)
    assert waiting_in(tmp_path / "state" / "spool") == []
    # Numbers came again with other content: it may be a copy, and from then on counts as a device of its own.
    assert after["device_id"] != before["device_id"]
    known = {row["uid"]: row for row in rows(database, devices)}
    assert known.keys() == {before["device_id"], after["device_id"]}
    told = {row["device_id"] for row in rows(database, device_state)}
    assert {known[before["device_id"]]["id"], known[after["device_id"]]["id"]} == told


def test_killed_it_loses_at_most_what_came_since_its_last_report_and_tells_those_minutes_as_missed(
    env: dict[str, str], database: Database, tmp_path: Path
) -> None:
    with running(env) as agent:
        wait_for("first report", lambda: rows(database, devices))
        agent.wait_until_all_is_sent(tmp_path / "state")
        agent.process.send_signal(signal.SIGKILL)
        agent.process.wait(10)
    (segment,) = (tmp_path / "state" / "spool").glob("*.spool")
    nine_minutes_ago = time.time() - 9.5 * 60
    os.utime(segment, (nine_minutes_ago, nine_minutes_ago))

    with running(env) as agent:
        wait_for("missed minutes", lambda: sum(row["missed"] for row in rows(database, use_hours)) == 9)
        assert agent.stop() == 0


JUMP = """
import sys, time
from muster_agent import config
from muster_agent.loop import Agent
from muster_agent.machine import Machine
clocks = (lambda: time.time() + {seconds}, lambda: time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic)
Agent(config.load(None, __import__("os").environ), Machine(clocks=clocks)).once()
"""


@pytest.mark.parametrize("years", [10, -10])
def test_a_clock_that_jumps_ten_years_holds_nothing_back_and_spoils_no_day(
    env: dict[str, str], database: Database, tmp_path: Path, years: int
) -> None:
    once(env)

    jump = [sys.executable, "-c", JUMP.format(seconds=years * 365 * 86_400)]
    subprocess.run(jump, env=env, check=True, timeout=60)
    once(env)

    assert waiting_in(tmp_path / "state" / "spool") == []
    (device,) = rows(database, devices)
    with database.read() as connection:
        starts_at = set(connection.scalars(select(starts.c.zero_at)))
    assert all(abs(at - now_ms()) < 40 * 86_400_000 for at in starts_at)
    assert device["generation"] == 1
