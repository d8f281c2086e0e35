"""Doctor: what is wrong, and what to do, as text and as JSON."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.agent.answering import SERVER_TIME, MusterServer, Reply, problem
from tests.agent.process import command, environment
from tests.fixtures.machine import Fixture

from muster_agent.config import Settings
from muster_agent.doctor import examine
from muster_agent.enrolment import Identity, keep


def found(fixture: Fixture, state: Path, server: MusterServer, **settings: Any) -> dict[str, tuple[str, str]]:
    chosen = Settings(**{"server_url": server.url, "state_dir": str(state), **settings})
    return {finding.check: (finding.state, finding.detail) for finding in examine(chosen, fixture.machine)}


@pytest.fixture
def enrolled(tmp_path: Path) -> Path:
    keep(str(tmp_path / "state"), Identity("device-7", "m1.x"))
    return tmp_path / "state"


def test_on_a_healthy_device_every_check_is_ok(laptop: Fixture, enrolled: Path, server: MusterServer) -> None:
    laptop.wall_seconds = datetime.fromisoformat(SERVER_TIME).timestamp() + 12

    assert found(laptop, enrolled, server) == {
        "state": ("ok", f"{enrolled} can be written"),
        "hardware": ("ok", "serial and UUID can be read"),
        "identity": ("ok", "enrolled as device-7"),
        "server": ("ok", f"ready at {server.url}"),
        "clock": ("ok", "12 s ahead of the server's"),
    }


def test_looking_leaves_nothing_behind_and_stores_nothing(
    laptop: Fixture, tmp_path: Path, server: MusterServer
) -> None:
    found(laptop, tmp_path / "state", server)
    assert not (tmp_path / "state").exists()

    keep(str(tmp_path / "state"), Identity("device-7", "m1.x"))
    found(laptop, tmp_path / "state", server)

    assert [path.name for path in (tmp_path / "state").iterdir()] == ["identity.json"]
    assert server.reports == [{}]  # which no server can take


@pytest.mark.parametrize(("ahead", "detail"), [(86_400 * 3_650, "315360000 s ahead of"), (-400, "400 s behind")])
def test_a_clock_that_is_far_off_is_noted(
    laptop: Fixture, enrolled: Path, server: MusterServer, *, ahead: float, detail: str
) -> None:
    laptop.wall_seconds = datetime.fromisoformat(SERVER_TIME).timestamp() + ahead

    state, said = found(laptop, enrolled, server)["clock"]

    assert state == "note"
    assert said.startswith(detail)


def test_a_token_that_the_server_refuses_is_wrong_and_says_why(
    laptop: Fixture, enrolled: Path, server: MusterServer
) -> None:
    server.rule = lambda request: problem(403, "token-revoked") if request.method == "POST" else None

    assert found(laptop, enrolled, server)["token"] == ("wrong", "the server refuses this device: It is token-revoked.")


def test_a_server_that_is_busy_says_nothing_against_the_device(
    laptop: Fixture, enrolled: Path, server: MusterServer
) -> None:
    server.rule = lambda request: problem(503, "busy") if request.method == "POST" else None

    assert found(laptop, enrolled, server)["clock"] == ("note", "cannot be compared: It is busy.")


@pytest.mark.parametrize("body", [{}, {"server_time": "yesterday"}, {"server_time": 5}])
def test_an_answer_without_a_time_is_wrong(
    laptop: Fixture, enrolled: Path, server: MusterServer, body: dict[str, Any]
) -> None:
    server.rule = lambda request: Reply(202, body) if request.method == "POST" else None

    assert found(laptop, enrolled, server)["clock"] == ("wrong", "the server's answer holds no time")


def test_a_server_that_is_not_ready_is_said_with_what_it_lacks(
    laptop: Fixture, enrolled: Path, server: MusterServer
) -> None:
    server.rule = lambda request: Reply(503, {"checks": {"store": False}}) if request.method == "GET" else None

    assert found(laptop, enrolled, server)["server"] == (
        "wrong",
        "it answers but is not ready: {'store': False}",
    )


@pytest.mark.parametrize("url", ["", "muster.example", "http://127.0.0.1:1"])
def test_a_server_that_cannot_be_asked_is_wrong(
    laptop: Fixture, enrolled: Path, server: MusterServer, url: str
) -> None:
    told = found(laptop, enrolled, server, server_url=url)

    assert told["server"][0] == told["clock"][0] == "wrong"


@pytest.mark.parametrize(
    ("settings", "state", "detail"),
    [
        ({}, "wrong", "not enrolled and no key: set enrolment_key or enrolment_key_file"),
        ({"enrolment_key": "mk_x"}, "note", "not enrolled yet; an enrolment key is set"),
        ({"enrolment_key_file": "/nowhere"}, "wrong", "enrolment_key_file /nowhere cannot be read: No such file"),
    ],
)
def test_a_device_that_is_not_enrolled_is_told_what_it_lacks(
    laptop: Fixture, tmp_path: Path, server: MusterServer, *, settings: dict[str, str], state: str, detail: str
) -> None:
    told = found(laptop, tmp_path / "state", server, **settings)["identity"]

    assert told[0] == state
    assert told[1].startswith(detail)


def test_without_rights_or_smbios_the_device_says_by_what_it_is_known(
    laptop: Fixture, container: Fixture, enrolled: Path, server: MusterServer
) -> None:
    (laptop.root / "sys/class/dmi/id/product_uuid").unlink()

    assert "run the agent as root" in found(laptop, enrolled, server)["hardware"][1]
    assert "by its machine id alone" in found(container, enrolled, server)["hardware"][1]


def test_a_state_directory_that_cannot_be_written_is_wrong(laptop: Fixture, server: MusterServer) -> None:
    state, detail = found(laptop, Path("/proc/nowhere"), server)["state"]

    assert state == "wrong"
    assert detail.startswith("/proc/nowhere cannot be written (")
    assert detail.endswith("run this as root, or set state_dir.")


def test_the_command_prints_lines_or_json_and_ends_with_1_when_something_is_wrong(
    tmp_path: Path, server: MusterServer
) -> None:
    env = environment(tmp_path / "state", server.url)

    lines, parsed = command("doctor", env=env), command("doctor", "--json", env=env)
    wrong = command("doctor", env=environment(tmp_path / "state", ""))

    findings = json.loads(parsed.stdout)
    assert [finding["check"] for finding in findings] == ["state", "hardware", "identity", "server", "clock"]
    assert [finding.keys() for finding in findings] == [{"check", "state", "detail"}] * 5
    assert lines.stdout.splitlines()[0].startswith("ok     state     ")
    assert (lines.returncode, parsed.returncode, wrong.returncode) == (0, 0, 1)
