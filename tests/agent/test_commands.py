"""The commands, run as a person runs them: what they print, what they leave behind, how they end."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.agent.answering import MusterServer, Reply, problem
from tests.agent.process import command, environment

from muster_agent import __version__


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def modes(state: Path) -> dict[str, str]:
    """Rights of everything under a directory that is not as private as it should be."""
    wanted = {True: 0o700, False: 0o600}
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in [state, *state.rglob("*")]}
    return {path.name: oct(mode) for path, mode in found.items() if mode & ~wanted[path.is_dir()]}


def test_once_enrols_sends_one_report_and_leaves_only_what_it_needs(server: MusterServer, state: Path) -> None:
    env = environment(state, server.url)

    first, second = command("once", env=env), command("once", env=env)

    assert (first.returncode, first.stdout, first.stderr) == (0, "Sent.\n", "Enrolled as device device-1.\n")
    assert (second.returncode, second.stdout, second.stderr) == (0, "Sent.\n", "")
    assert [report["report_id"].partition(":")[2] for report in server.reports] == ["1", "2"]
    assert sorted(path.name for path in state.iterdir()) == ["identity.json", "lock", "spool", "told.json"]
    kept = {path.name: path.stat().st_size for path in (state / "spool").iterdir() if path.is_file()}
    assert kept.keys() == {"000000000001.spool", "stream.json"}
    assert kept["000000000001.spool"] == 0


def test_nobody_else_may_read_anything_that_the_agent_keeps(server: MusterServer, state: Path) -> None:
    env = environment(state, server.url)
    line = [sys.executable, "-m", "muster_agent", "once"]

    subprocess.run(line, env=env, check=True, capture_output=True, umask=0)

    assert modes(state) == {}


def test_once_sends_what_waits_as_well(server: MusterServer, state: Path) -> None:
    env = environment(state, server.url)
    command("enrol", env=env)
    server.answers.append(problem(503, "busy"))
    waiting = command("once", env=env)

    sent = command("once", env=env)

    assert waiting.returncode == 1
    assert waiting.stderr.endswith("muster-agent: Not sent, or not all of it; what is left waits on disk.\n")
    assert sent.returncode == 0
    assert [report["report_id"].partition(":")[2] for report in server.reports] == ["1", "2", "1"]


def test_once_without_a_server_keeps_nothing_secret_about_why(state: Path) -> None:
    refused = command("once", env=environment(state, "http://127.0.0.1:1"))

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "muster-agent: ConnectionRefusedError: Connection refused\n"


def test_enrol_says_which_device_this_is_and_asks_once(server: MusterServer, state: Path) -> None:
    env = environment(state, server.url)

    said = [command("enrol", env=env).stdout for _ in range(2)]

    assert said == ["This is device device-1.\n"] * 2
    (enrolment,) = server.enrolments
    assert enrolment.json.keys() == {"agent", "hardware", "hostname", "key"}
    assert enrolment.json["agent"] == {"version": __version__, "platform": sys.platform}


def test_a_refused_enrolment_is_the_servers_own_sentence(server: MusterServer, state: Path) -> None:
    server.answers.append(problem(401, "enrolment-refused"))

    refused = command("enrol", env=environment(state, server.url))

    assert (refused.returncode, refused.stderr) == (1, "muster-agent: It is enrolment-refused.\n")


def test_without_a_key_enrolling_says_where_to_look(server: MusterServer, state: Path) -> None:
    refused = command("enrol", env=environment(state, server.url, enrolment_key=""))

    assert refused.returncode == 1
    assert "no enrolment key is set" in refused.stderr
    assert server.requests == []


def test_show_prints_what_would_be_sent_and_sends_and_writes_nothing(server: MusterServer, state: Path) -> None:
    env = environment(state, server.url)

    shown = command("show", env=env)

    assert (shown.returncode, shown.stderr) == (0, "")
    assert server.requests == []
    assert not state.exists()
    command("once", env=env)
    (sent,) = [request.json for request in server.requests if request.path == "/api/v1/reports"]
    assert comparable(json.loads(shown.stdout)) == comparable(sent)


def comparable(body: dict[str, Any]) -> dict[str, Any]:
    """A body without what is another at another moment: instants, numbers, seconds, free space."""
    (report,) = body.pop("reports")
    for volume in report["sections"]["disks"]["volumes"]:
        del volume["free_bytes"]
    for name in ("collected_at", "monotonic_seconds", "report_id"):
        assert report.pop(name)
    for outcome in report["outcomes"].values():
        del outcome["seconds"]
    return {"agent": body["agent"], "boot_id": body["boot_id"], **report}


@pytest.mark.parametrize(
    ("settings", "arguments", "code", "sentence"),
    [
        ({"server_url": ""}, ["run"], 2, "server_url is not set: write it in "),
        ({"server_url": "muster.example"}, ["once"], 2, "server_url 'muster.example' is no address: write "),
        ({"proxy": "squid"}, ["enrol"], 2, "proxy 'squid' is no address: write http://HOST[:PORT]."),
        ({"report_secnods": "5"}, ["show"], 2, "Unknown setting 'report_secnods' in MUSTER_AGENT_REPORT_SECNODS: did "),
        ({}, ["--config", "/nowhere.toml", "show"], 2, "The settings file /nowhere.toml cannot be read: No such file"),
        ({"state_dir": "/proc/nowhere"}, ["once"], 1, "/proc/nowhere: No such file or directory."),
        ({}, ["reset"], 2, "reset forgets identity and waiting reports: say --yes."),
    ],
)
def test_every_mistake_is_one_sentence_with_its_own_exit_code(
    state: Path, settings: dict[str, str], arguments: list[str], *, code: int, sentence: str
) -> None:
    done = command(*arguments, env=environment(state, **{"server_url": "http://127.0.0.1:1", **settings}))

    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"muster-agent: {sentence}")
    assert done.stderr.count("\n") == 1


def test_reset_forgets_everything_but_the_settings_and_the_device_enrols_anew(
    server: MusterServer, state: Path
) -> None:
    env = environment(state, server.url)
    command("once", env=env)
    for left in ("identity.json.new", "told.json.new", "spool/000000000009.spool", "spool/rejected/1.json"):
        (state / left).write_text("left behind")

    reset = command("reset", "--yes", env=env)

    assert (reset.returncode, reset.stderr) == (0, "")
    assert [path.name for path in state.iterdir()] == ["lock"]
    assert command("reset", "--yes", env=env).returncode == 0
    command("once", env=env)
    streams = {report["report_id"].partition(":")[0] for report in server.reports}
    assert (len(server.enrolments), len(streams)) == (2, 2)


def test_reset_where_nothing_is_kept_is_done_at_once(state: Path) -> None:
    assert command("reset", "--yes", env=environment(state, "")).returncode == 0
    assert not state.exists()


def test_a_reader_that_has_gone_is_no_traceback(state: Path) -> None:
    line = f"{sys.executable} -m muster_agent show | head -c 1"

    done = subprocess.run(line, shell=True, env=environment(state, ""), capture_output=True, text=True, check=False)  # noqa: S602 - a pipe is the point

    assert (done.stdout, done.stderr) == ("{", "")


def test_a_server_that_splits_this_device_is_obeyed_by_once(server: MusterServer, state: Path) -> None:
    env = environment(state, server.url)
    command("enrol", env=env)
    server.told = {"identity": "split"}

    done = command("once", env=env)

    assert done.returncode == 0
    assert done.stderr.startswith("This device's identity is in use on another one as well; it enrols anew.\n")
    assert json.loads((state / "identity.json").read_text())["device_id"] == "device-2"


def test_a_portal_in_between_is_not_taken_for_the_server(server: MusterServer, state: Path) -> None:
    server.rule = lambda _request: Reply(200, b"<html>Sign in</html>", "text/html")

    done = command("once", env=environment(state, server.url))

    assert (done.returncode, done.stderr) == (1, "muster-agent: status 200 from something that is not Muster\n")
