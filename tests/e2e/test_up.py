"""`muster up` as a user runs it, from an empty directory to verdicts through the public API."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.judging import Reader, newcomer, post_slow_starts
from tests.e2e.programs import Program, muster, running_json, wait_for
from tests.server.door import start

from muster_server.clock import HOUR_MS, iso, now_ms


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """One instance for the tests of this file, which leave it as it is."""
    started = Program(tmp_path_factory.mktemp("up") / "var", "up")
    started.start()
    try:
        started.wait_until_said("Stop with")
        yield started
    finally:
        started.kill()


def test_this_very_machine_is_on_the_page_within_a_minute_and_judged_honestly(up: Program) -> None:
    said = up.wait_until_said("This machine, ")
    listed = wait_for("this machine", lambda: Reader(up).read("/devices", text=socket.gethostname())["items"])
    whole = Reader(up).read(f"/devices/{listed[0]['device_id']}")

    order = ["Data in ", "Starting Redis: ", "Starting web server", "Started after", "Muster is at", "Sign in here"]
    assert [said.index(words) for words in order] == sorted(said.index(words) for words in order)
    assert f"This machine, {socket.gethostname()}, is on the page after " in said
    assert whole["hostname"] == socket.gethostname()
    assert whole["outcomes"]["system"]["outcome"] == "ok"
    assert whole["verdict"] in ("keep", "fix", "upgrade", "replace", "unknown")
    assert [finding["state"] for finding in whole["findings"]]


def test_the_link_it_prints_signs_in(up: Program) -> None:
    link = next(line.split()[-1] for line in up.said.splitlines() if "Sign in here" in line)

    assert link.startswith(f"http://127.0.0.1:{up.port}/sign-in/")
    assert up.client.status(link.partition(str(up.port))[2]) == 200


def test_through_the_api_alone_slow_starts_raise_a_flag_and_quick_ones_clear_it(up: Program) -> None:
    device, reader = newcomer(up), Reader(up)

    post_slow_starts(device)
    slow = reader.wait_for_verdict(device, "fix")
    recommended = reader.read("/replacements", rule="slow_start")["items"]
    device.post(device.report(starts=[start(iso(now_ms() - n * HOUR_MS), 30) for n in range(20, 30)]))

    assert (slow["leading_rule"], [flag["rule_id"] for flag in slow["flags"]]) == ("slow_start", ["slow_start"])
    assert _finding(slow)["evidence"][0]["value"] == 600.0
    assert _finding(slow)["evidence"][0]["samples"] == 10
    assert [line["device"]["device_id"] for line in recommended] == [device.uid]
    cleared = wait_for("end of the flag", lambda: _without_open_flags(reader, device.uid))
    assert _finding(cleared)["state"] == "under"
    assert reader.read("/replacements", rule="slow_start")["items"] == []


def _finding(told: Any) -> Any:
    return next(finding for finding in told["findings"] if finding["rule_id"] == "slow_start")


def _without_open_flags(reader: Reader, uid: str) -> Any:
    told = reader.read(f"/devices/{uid}")
    return None if told["flags"] else told


def test_a_second_launcher_on_the_same_data_is_refused_with_a_sentence(up: Program) -> None:
    done = muster("up", data_dir=up.data_dir)

    assert done.returncode == 1
    told = running_json(up.data_dir)
    assert done.stderr == (
        f"muster: Muster already runs in {up.data_dir} (pid {told['pid']}, {told['address']}): "
        "stop it, or choose another --data-dir.\n"
    )
    assert done.stdout == ""


def test_a_taken_port_names_its_owner_and_nothing_is_left_behind(up: Program, tmp_path: Path) -> None:
    done = muster("up", "--port", str(up.port), data_dir=tmp_path / "other")

    assert done.returncode == 1
    assert f"127.0.0.1:{up.port} cannot be used: it belongs to pid " in done.stderr
    assert "muster_server.cli serve. Choose another with --port." in done.stderr
    assert not (tmp_path / "other" / "running.json").exists()


def test_commands_speak_to_the_instance_that_runs_in_the_data_directory(up: Program) -> None:
    wait_for("finished job", lambda: "muster_job_ended_timestamp_seconds{" in up.client.get("/metrics").text)
    doctor = json.loads(up.run("doctor", "--json"))
    link = up.run("user", "create", "Ada")
    names = [user["name"] for user in json.loads(up.run("user", "list", "--json"))]

    assert {check["check"]: check["state"] for check in doctor} == dict.fromkeys(
        ("disk", "store", "redis", "server", "jobs"), "ok"
    )
    assert link.startswith(f"http://127.0.0.1:{up.port}/sign-in/")
    assert names == ["Ada", "admin"]
