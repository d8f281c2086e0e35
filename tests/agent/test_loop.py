"""The agent's life as a real process, against a real server: it reports, stops, waits, catches up."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests import needs
from tests.agent.answering import MusterServer, Reply, Request, problem
from tests.agent.disk import fill
from tests.agent.process import command, environment, running
from tests.fixtures.machine import Fixture

from muster_agent.spool import Spool


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def spooled(state: Path) -> list[dict[str, Any]]:
    """What waits on disk, the oldest first."""
    opened = Spool(str(state / "spool"), 10**8)
    return [json.loads(report) for _, report in reversed(opened.batch(1_000, 10**8))]


def ids(reports: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(stream, int(number)) for stream, _, number in (report["report_id"].partition(":") for report in reports)]


def test_it_enrols_reports_at_once_and_stops_cleanly(server: MusterServer, state: Path) -> None:
    with running(environment(state, server.url)) as agent:
        server.wait_for(lambda: server.reports)
        assert agent.stop() == 0

    (enrolment,) = server.enrolments
    assert enrolment.json["key"] == "mk_sesame"
    (post,) = [request for request in server.requests if request.path == "/api/v1/reports"]
    assert post.headers["Authorization"] == "Bearer token-1"
    assert {"system", "hardware", "disks"} <= post.json["reports"][0]["sections"].keys()
    assert agent.said == "Enrolled as device device-1.\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("path", ["/api/v1/enrol", "/api/v1/reports"])
def test_told_to_stop_in_the_middle_of_a_request_it_stops_and_keeps_what_it_has(
    server: MusterServer, state: Path, path: str, number: signal.Signals
) -> None:
    server.rule = lambda request: Reply(hang=True) if request.path == path else None
    with running(environment(state, server.url)) as agent:
        server.wait_for(lambda: any(request.path == path for request in server.requests))
        assert agent.stop(number) == 0

    kept = spooled(state)
    assert [number for _, number in ids(kept)] == [1, 2]  # the one that hung, and the one made while stopping
    assert "Traceback" not in agent.said


def test_what_waited_while_the_server_was_down_is_brought_when_it_is_back(state: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with running(environment(state, f"http://127.0.0.1:{port}")) as agent:
        agent.wait_until_it_says("The server cannot be reached: ConnectionRefusedError: Connection refused.")
        with MusterServer(port=port) as server:
            agent.wait_until_all_is_sent(state)
            assert agent.stop() == 0

    assert [number for _, number in ids(server.reports)] == [1]
    assert [number for _, number in ids(spooled(state))] == [2]


def test_a_server_that_is_busy_is_asked_again(server: MusterServer, state: Path) -> None:
    server.answers.extend([Reply(201, {"device_id": "d", "token": "t"}), problem(503, "busy")])
    with running(environment(state, server.url)) as agent:
        server.wait_for(lambda: len(server.requests) >= 3)
        assert agent.stop() == 0

    assert [request.path for request in server.requests[:3]] == ["/api/v1/enrol"] + ["/api/v1/reports"] * 2
    assert server.reports[0] == server.reports[1]
    assert "The server cannot be reached: status 503. Reports wait on disk.\n" in agent.said


def test_a_restart_goes_on_with_stream_numbers_and_identity_and_tells_no_inventory_again(
    server: MusterServer, state: Path
) -> None:
    for round_ in (1, 3):
        with running(environment(state, server.url)) as agent:
            server.wait_for(lambda expected=round_: len(server.reports) >= expected)  # type: ignore[misc]
            agent.wait_until_all_is_sent(state)
            assert agent.stop() == 0

    assert len(server.enrolments) == 1
    by_number = dict(zip([number for _, number in ids(server.reports)], server.reports, strict=True))
    assert sorted(by_number) == [1, 2, 3]  # the second was made while stopping
    assert len({stream for stream, _ in ids(server.reports)}) == 1
    assert not {"system", "hardware", "software"} & by_number[3]["sections"].keys()


def test_killed_at_once_it_goes_on_with_numbers_that_were_never_used(server: MusterServer, state: Path) -> None:
    for expected in (1, 2, 3):
        with running(environment(state, server.url)) as agent:
            server.wait_for(lambda count=expected: len(server.reports) >= count)  # type: ignore[misc]
            agent.process.kill()
            agent.process.wait()

    by_id: dict[str, dict[str, Any]] = {}
    for report in server.reports:
        assert by_id.setdefault(report["report_id"], report) == report
    assert len({stream for stream, _ in ids(server.reports)}) == 1


def test_what_the_server_wants_is_sent_within_seconds_and_not_over_and_over(server: MusterServer, state: Path) -> None:
    server.told = {"want": ["system", "horoscope"]}
    with running(environment(state, server.url)) as agent:
        server.wait_for(lambda: len(server.reports) >= 2)
        agent.stop()

    assert [("system" in report["sections"]) for report in server.reports] == [True, True]
    assert "hardware" not in server.reports[1]["sections"]


def test_a_device_whose_identity_is_split_enrols_anew_with_its_token_and_tells_everything(
    server: MusterServer, state: Path
) -> None:
    server.rule = lambda request: split_once(server, request)
    server.told = {"want": ["system"]}  # so that a second report comes soon
    with running(environment(state, server.url)) as agent:
        server.wait_for(lambda: len(server.reports) >= 2)
        assert agent.stop() == 0

    assert [request.json["key"] for request in server.enrolments] == ["mk_sesame", None]
    assert server.enrolments[1].headers["Authorization"] == "Bearer token-1"
    assert server.requests[-1].headers["Authorization"] == "Bearer token-2"
    assert {"system", "hardware"} <= server.reports[1]["sections"].keys()
    assert json.loads((state / "identity.json").read_text())["device_id"] == "device-2"


def split_once(server: MusterServer, request: Request) -> Reply | None:
    server.told["identity"] = "split" if request.path == "/api/v1/reports" and server.enrolled == 1 else "keep"
    return None


def test_a_device_that_the_server_lost_enrols_anew_with_its_key(server: MusterServer, state: Path) -> None:
    server.rule = lambda request: (
        problem(401, "device-unknown") if request.headers.get("Authorization") == "Bearer token-1" else None
    )
    with running(environment(state, server.url)) as agent:
        server.wait_for(lambda: any(r.headers.get("Authorization") == "Bearer token-2" for r in server.requests))
        assert agent.stop() == 0

    assert "enrols anew" in agent.said
    assert [request.json["key"] for request in server.enrolments] == ["mk_sesame"] * 2


def test_a_device_that_may_not_enrol_anew_keeps_the_identity_it_has(server: MusterServer, state: Path) -> None:
    with running(environment(state, server.url)) as agent:
        server.wait_for(lambda: server.reports)
        agent.stop()
    server.rule = lambda request: problem(401, "token-invalid" if "reports" in request.path else "enrolment-refused")
    with running(environment(state, server.url)) as agent:
        agent.wait_until_it_says("stays what it is: It is enrolment-refused.")
        assert agent.stop() == 0

    assert json.loads((state / "identity.json").read_text())["device_id"] == "device-1"


def test_a_key_file_that_is_gone_after_enrolling_does_not_end_the_agent(server: MusterServer, state: Path) -> None:
    env = environment(state, server.url, enrolment_key="", enrolment_key_file=state / "gone")
    with running(env) as agent:
        agent.wait_until_it_says("Enrolment was refused: enrolment_key_file")
        assert agent.stop() == 0

    assert len(spooled(state)) == 2


def test_a_second_agent_on_the_same_state_ends_with_a_sentence(server: MusterServer, state: Path) -> None:
    env = environment(state, server.url)
    with running(env) as agent:
        server.wait_for(lambda: server.reports)
        for arguments in (["run", "--now"], ["once"], ["enrol"], ["reset", "--yes"]):
            second = subprocess.run(
                [sys.executable, "-m", "muster_agent", *arguments], env=env, capture_output=True, text=True, check=False
            )
            assert (second.returncode, second.stdout) == (1, "")
            assert second.stderr == f"muster-agent: Another muster-agent works in {state}: stop it first.\n"
        assert agent.stop() == 0


def young(laptop: Fixture, state: Path) -> list[str]:
    """A command line that runs the agent on a laptop that has not finished starting."""
    code = (
        "from pathlib import Path\n"
        "from muster_agent.config import Settings\n"
        "from muster_agent.loop import Agent\n"
        "from tests.fixtures.machine import Fixture\n"
        f"laptop = Fixture('laptop', Path({str(laptop.root.parent / 'young')!r}))\n"
        "laptop.elapsed_seconds = 25.0\n"
        "laptop.programs['manager'] = laptop.programs['manager'].replace('Finish', 'NotYet')\n"
        f"settings = Settings(server_url='http://127.0.0.1:1', state_dir={str(state)!r})\n"
        "agent = Agent(settings, laptop.machine)\n"
        "import sys; sys.stderr.write('Running.\\n'); sys.stderr.flush()\n"
        "agent.run(now=False)\n"
    )
    return [sys.executable, "-c", code]


def test_while_the_device_starts_nothing_is_collected_and_a_stop_leaves_what_is_known_of_the_start(
    laptop: Fixture, state: Path
) -> None:
    with running(environment(state, ""), young(laptop, state)) as agent:
        agent.wait_until_it_says("Running.")
        assert agent.stop() == 0

    (report,) = spooled(state)
    assert report["sections"].keys() == {"starts"}
    assert report["sections"]["starts"][0]["kernel_seconds"] == 1.874


def test_on_a_full_disk_it_goes_on_reporting_and_says_so_although_its_log_is_there_too(
    server: MusterServer, small_disk: Path
) -> None:
    state = small_disk / "state"
    env = environment(state, server.url)
    command("once", env=env)
    fill(small_disk)
    server.told = {"want": ["system"]}  # so that a second report comes soon

    with running(env) as agent:
        server.wait_for(lambda: len(server.reports) >= 3)
        assert agent.stop() == 0

    numbers = [number for _, number in ids(server.reports)]
    assert sorted(set(numbers)) == numbers
    assert server.reports[2]["sections"]["agent"] == {"spool_full": True}


def test_a_resolver_that_does_not_answer_does_not_keep_the_agent_from_stopping(state: Path) -> None:
    if os.getuid() != 0:
        needs.missing("a name server of one's own needs root")
    needs.tool("unshare")
    resolver = state.parent / "resolv.conf"
    resolver.write_text("nameserver 127.53.53.53\noptions timeout:20 attempts:1\n")
    agent_line = f"exec {sys.executable} -m muster_agent run --now"
    line = ["unshare", "--mount", "sh", "-c", f"mount --bind {resolver} /etc/resolv.conf && {agent_line}"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.53.53.53", 53))
        silent.settimeout(30)
        with running(environment(state, "http://muster.example"), line) as agent:
            silent.recv(4_096)
            assert agent.stop() == 0

    assert len(spooled(state)) == 2


def hanging(laptop: Fixture, state: Path, server_url: str) -> list[str]:
    """An agent on a laptop where two files are pipes into which nobody writes, with little patience."""
    code = (
        "import sys\n"
        "from muster_agent import report\n"
        "from muster_agent.config import Settings\n"
        "from muster_agent.loop import Agent\n"
        "from muster_agent.machine import Machine\n"
        "report._PATIENCE_SECONDS = 0.3\n"
        f"settings = Settings(server_url={server_url!r}, state_dir={str(state)!r}, enrolment_key='mk_sesame')\n"
        f"sys.exit(Agent(settings, Machine({str(laptop.root)!r})).run(now=True))\n"
    )
    (laptop.root / "run/reboot-required").touch()
    for name in ("var/lib/dpkg/status", "run/reboot-required.pkgs"):
        (laptop.root / name).unlink(missing_ok=True)
        os.mkfifo(laptop.root / name)
    return [sys.executable, "-c", code]


def test_a_process_in_which_two_collectors_hang_says_so_and_the_next_one_does_without_them(
    server: MusterServer, laptop: Fixture, state: Path
) -> None:
    line, env = hanging(laptop, state, server.url), environment(state, server.url)

    with running(env, line) as agent:
        assert agent.process.wait(30) == 1
        assert "Collectors hang in this process" in agent.said
    with running(env, line) as agent:
        agent.wait_until_all_is_sent(state)
        server.wait_for(lambda: len(server.reports) >= 3)
        assert agent.stop(seconds=2) == 0

    first, *_, last = server.reports
    assert first["outcomes"]["software"]["problem"] == "did not end in time"
    assert first["outcomes"]["disks"]["outcome"] == "ok"
    assert sorted(first["sections"]["agent"]["disabled_collectors"]) == ["restart", "software"]
    assert "software" not in last["outcomes"]


def is_waited_for(pipe: Path) -> bool:
    """Whether somebody opened it to read; from then on it is never at its end."""
    try:
        os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    return True


def test_told_to_stop_while_a_collector_hangs_it_stops(laptop: Fixture, state: Path) -> None:
    line = hanging(laptop, state, "http://127.0.0.1:1")
    line[-1] = line[-1].replace("0.3", "120.0")
    with running(environment(state, ""), line) as agent:
        agent.wait_until(lambda: is_waited_for(laptop.root / "var/lib/dpkg/status"), "hang")
        assert agent.stop(seconds=2) == 0

    assert spooled(state)
