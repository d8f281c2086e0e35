"""The store stopped, the disk full, the server away: what was acknowledged stays, and all goes on by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests import needs
from tests.agent.waiting import waiting_in
from tests.e2e.conftest import Start
from tests.e2e.judging import Reader, newcomer, post_slow_starts
from tests.e2e.load import Load, stored_ids
from tests.e2e.programs import Program, environment, muster, wait_for
from tests.server import postgresql

from muster_server.db import Database

AGENT = [sys.executable, "-m", "muster_agent"]


@pytest.fixture
def own_postgresql() -> Iterator[postgresql.OwnServer]:
    with postgresql.own_server() as server:
        yield server


def test_while_postgresql_is_stopped_devices_are_told_to_come_back_and_then_all_goes_on(
    program: Start, own_postgresql: postgresql.OwnServer
) -> None:
    url = own_postgresql.fresh_url()
    up = program("up", "--no-agent", database_url=url)
    up.wait_until_said("Stop with")
    device = newcomer(up)
    with Load(up.port, up.enrolment_key()) as load:
        load.rate(1)
        own_postgresql.stop()
        refused = device.post(device.report())
        ready, alive = up.client.get("/readyz"), up.client.status("/healthz")
        own_postgresql.start()
        wait_for("ready server", lambda: up.client.status("/readyz") == 200)
    post_slow_starts(device)
    Reader(up).wait_for_verdict(device, "fix")

    assert (refused.status_code, refused.json["type"]) == (503, "/problems/busy")
    assert int(refused.headers["Retry-After"]) >= 1
    assert (ready.status_code, ready.json["status"]) == (503, "not ready")
    assert ready.json["checks"] == {"store": False, "writer": True, "revocations": True}
    assert alive == 200
    database = Database(url)
    stored = stored_ids(database)
    database.close()
    print(f"{len(load.acknowledged)} reports; answers: {dict(load.statuses)}")
    assert load.acknowledged <= stored.keys()
    assert set(stored.values()) == {1}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB, nearly filled by the file `filler` in it."""
    if os.getuid() != 0:
        needs.missing("a disk that is full needs root, to mount one")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], check=True)
    (place / "filler").write_bytes(bytes(5_000_000))
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_while_the_disk_is_full_devices_are_told_to_come_back_and_then_all_goes_on(
    program: Start, small_disk: Path
) -> None:
    up = program("up", "--no-agent", data_dir=small_disk)
    up.wait_until_said("Stop with")
    device = newcomer(up)
    with Load(up.port, up.enrolment_key()) as load:
        wait_for("full disk", lambda: load.statuses[503])
        refused = device.post(device.report())
        (small_disk / "filler").unlink()
        wait_for("taken report", lambda: device.post(device.report()).status_code == 202)
    post_slow_starts(device)
    Reader(up).wait_for_verdict(device, "fix")

    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    database = Database(f"sqlite:///{small_disk / 'muster.db'}")
    stored = stored_ids(database)
    database.close()
    print(f"{len(load.acknowledged)} reports; answers: {dict(load.statuses)}")
    assert load.acknowledged <= stored.keys()
    assert set(stored.values()) == {1}
    assert up.stop() == 0


def test_a_disk_that_is_full_from_the_start_is_said_in_a_sentence(small_disk: Path) -> None:
    with (small_disk / "more").open("wb", buffering=0) as more, suppress(OSError):
        while more.write(bytes(4_096)):
            pass

    done = muster("up", data_dir=small_disk)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "disk is full" in done.stderr or "No space left on device" in done.stderr


class Agent:
    """The agent of this machine as a service runs it, with its state in the test's directory."""

    def __init__(self, state_dir: Path, port: int, key: str) -> None:
        settings = {"AGENT_STATE_DIR": state_dir, "AGENT_SERVER_URL": f"http://127.0.0.1:{port}"}
        self._environment = environment(**settings, agent_enrolment_key=key)
        self._spool = state_dir / "spool"

    def once(self) -> subprocess.CompletedProcess[str]:
        """`muster-agent once`."""
        command = [*AGENT, "once"]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=60, check=False)

    @property
    def waiting(self) -> int:
        """Reports in the spool."""
        return len(waiting_in(self._spool))

    @contextmanager
    def running(self, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """`muster-agent run --now`, ended by SIGTERM."""
        with log.open("wb") as output:
            process = subprocess.Popen([*AGENT, "run", "--now"], env=self._environment, stderr=output)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(10)


def test_while_the_server_is_away_a_real_agent_spools_and_then_catches_up(
    served: Program, store_url: str, tmp_path: Path
) -> None:
    agent = Agent(tmp_path / "agent", served.port, served.enrolment_key())
    assert agent.once().stdout == "Sent.\n"
    assert served.stop() == 0

    refusals = [agent.once() for _ in range(3)]
    assert {done.returncode for done in refusals} == {1}
    assert all("waits on disk." in done.stderr for done in refusals)
    assert agent.waiting == 3
    with agent.running(tmp_path / "agent.log") as process:
        wait_for("report of the run", lambda: agent.waiting == 4)
        wait_for("complaint", lambda: "The server cannot be reached" in (tmp_path / "agent.log").read_text())
        served.start()
        served.wait_until_ready()
        wait_for("empty spool", lambda: agent.waiting == 0)
    assert process.returncode == 0

    database = Database(store_url)
    stored = stored_ids(database)
    database.close()
    assert [report_id.partition(":")[2] for report_id in sorted(stored)] == ["1", "2", "3", "4", "5"]
    assert set(stored.values()) == {1}
