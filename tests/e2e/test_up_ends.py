"""`muster up` and its children: each that is killed comes back, and when it ends, nothing is left."""

from __future__ import annotations

import os
import signal
import time

import pytest
from tests.e2e.conftest import Start
from tests.e2e.judging import Reader, newcomer, post_slow_starts
from tests.e2e.programs import Program, left_over, wait_for


def assert_nothing_is_left(up: Program) -> None:
    assert [process.cmdline() for process in left_over(up.data_dir)] == []
    assert not (up.data_dir / "running.json").exists()
    assert not (up.data_dir / "redis" / "redis.sock").exists()


def test_every_child_that_is_killed_is_named_and_started_again_and_ctrl_c_ends_all(program: Start) -> None:
    up = program("up")
    up.wait_until_said("Stop with")
    for name in ("web", "worker", "beat", "redis", "agent"):
        os.kill(up.child(name), signal.SIGKILL)
        up.wait_until_said(f"{name} was ended by SIGKILL; starting it again in 1 s. Its log: ")
        up.wait_until_said(f"{name} was started again")
    up.wait_until_ready()
    device = newcomer(up)
    post_slow_starts(device)
    Reader(up).wait_for_verdict(device, "fix")

    assert up.stop(signal.SIGINT) == 0

    stopping, stopped = up.said.splitlines()[-2:]
    print(stopped)
    assert stopping == "Stopping …"
    assert stopped.startswith("Stopped after ")
    assert stopped.endswith(f" s. The data stays in {up.data_dir}.")
    assert_nothing_is_left(up)


def test_a_second_run_keeps_data_and_identity_and_a_closed_terminal_ends_it(program: Start) -> None:
    up = program("up")
    up.wait_until_said("This machine, ")
    first = Reader(up).read("/devices")["items"]
    assert up.stop(signal.SIGTERM) == 0
    begun = time.monotonic()
    up.start()
    up.wait_until_said("Stop with")
    print(f"the second run took {time.monotonic() - begun:.1f} s")

    again = Reader(up).read("/devices")["items"]

    assert [device["device_id"] for device in again] == [device["device_id"] for device in first]
    assert len(again) == 1
    assert up.stop(signal.SIGHUP) == 0
    assert_nothing_is_left(up)


@pytest.mark.system
@pytest.mark.parametrize("lost", ["muster.db*", "secret.key"])
def test_a_lost_store_or_key_does_not_lose_this_machine(program: Start, lost: str) -> None:
    up = program("up")
    up.wait_until_said("This machine, ")
    assert up.stop() == 0
    for path in up.data_dir.glob(lost):
        path.unlink()
    up.start()
    up.wait_until_said("Stop with")

    log = up.data_dir / "logs" / "agent.log"
    wait_for("new identity", lambda: log.read_text().count("Enrolled as device") == 2)
    wait_for("this machine", lambda: len(Reader(up).read("/devices")["items"]) == 1)
    assert up.stop() == 0


def test_kill_9_of_the_launcher_takes_its_children_along_and_the_next_run_begins_at_once(program: Start) -> None:
    up = program("up", "--no-agent")
    up.wait_until_said("Stop with")
    assert {up.child(name) for name in ("redis", "web", "worker", "beat")}

    up.process.kill()
    up.process.wait(10)

    wait_for("end of the children", lambda: not left_over(up.data_dir))
    assert (up.data_dir / "running.json").exists()
    up.start()
    up.wait_until_said("Stop with")
    assert up.stop() == 0
    assert_nothing_is_left(up)


@pytest.mark.system
def test_a_child_that_does_not_listen_is_killed_and_named(program: Start) -> None:
    up = program("up", "--no-agent")
    up.wait_until_said("Stop with")
    os.kill(up.child("redis"), signal.SIGSTOP)

    assert up.stop() == 0

    assert "redis did not end and was killed." in up.said
    assert_nothing_is_left(up)


def test_a_child_that_dies_again_waits_longer_and_one_that_runs_once_is_only_named(program: Start) -> None:
    up = program("up", "--no-agent", "--beside", "sh -c 'echo I ran; kill -9 $$'")
    up.wait_until_said("beside was ended by SIGKILL.")
    assert up.said.count("I ran") == 1

    os.kill(up.child("beat"), signal.SIGKILL)
    up.wait_until_said("beat was started again")
    os.kill(up.child("beat"), signal.SIGKILL)

    up.wait_until_said("beat was ended by SIGKILL; starting it again in 2 s.")
    wait_for("beat", lambda: up.said.count("beat was started again") == 2)
    assert up.stop() == 0
