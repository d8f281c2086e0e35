"""The whole road: an agent's process and a server's process, as they run in a force."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select
from tests.agent.process import ROOT, command, environment, running
from tests.server.door import enrolment_key

from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.jobs import fold
from muster_server.models import device_sections, devices, reports
from muster_server.store.migrate import migrate


class Force(NamedTuple):
    """A force's server: where it is, and its store."""

    url: str
    database: Database
    settings: Settings

    def kept(self, table: Any) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(table)).mappings())


@pytest.fixture(scope="module")
def force(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Force]:
    """`muster serve` on a store of its own; it takes seconds to start, so the tests here share it."""
    directory = tmp_path_factory.mktemp("server")
    settings = Settings(data_dir=str(directory))
    database = Database(settings.store_url)
    migrate(database, now_ms())
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'server'}", "MUSTER_DATA_DIR": settings.data_dir}
    line = [sys.executable, "-m", "muster_server.cli", "serve", "--port", str(port)]
    with (directory / "serve.log").open("wb") as log:
        served = subprocess.Popen(line, env=env, stdout=log, stderr=log)
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}", served, log=directory / "serve.log")
        yield Force(f"http://127.0.0.1:{port}", database, settings)
    finally:
        served.terminate()
        served.wait(20)
        database.close()


@pytest.fixture
def env(force: Force, tmp_path: Path) -> dict[str, str]:
    """The settings of an agent that may enrol there."""
    return environment(tmp_path / "agent", force.url, enrolment_key=enrolment_key(force.database))


def _wait_until_ready(url: str, served: subprocess.Popen[bytes], *, log: Path) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/readyz", timeout=5).close()  # noqa: S310 - our own loopback address
        except urllib.error.HTTPError as answer:
            answer.close()
        except OSError:
            assert served.poll() is None, log.read_text()
        else:
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def test_an_agent_enrols_reports_and_is_folded(force: Force, env: dict[str, str], tmp_path: Path) -> None:
    before = len(force.kept(reports))

    with running(env) as agent:
        agent.wait_until(lambda: len(force.kept(reports)) > before, "report")
        agent.wait_until_all_is_sent(tmp_path / "agent")
        assert agent.stop() == 0

    identity = json.loads((tmp_path / "agent" / "identity.json").read_text())
    (device,) = [row for row in force.kept(devices) if row["uid"] == identity["device_id"]]
    assert fold.run(force.database, force.settings, now=now_ms()) >= 1
    sections = {
        row["section"]: json.loads(row["body"])
        for row in force.kept(device_sections)
        if row["device_id"] == device["id"]
    }
    assert sections["system"]["hostname"] == socket.gethostname()
    assert sections["hardware"]["memory_bytes"] > 0
    assert {"disks", "restart"} <= sections.keys()


def test_every_command_works_against_the_real_server(force: Force, env: dict[str, str]) -> None:
    said, sent = command("enrol", env=env).stdout, command("once", env=env)
    before = len(force.kept(reports))

    findings = {f["check"]: f["state"] for f in json.loads(command("doctor", "--json", env=env).stdout)}

    assert re.fullmatch(r"This is device [0-9a-f-]{36}\.\n", said)
    assert (sent.returncode, sent.stdout) == (0, "Sent.\n")
    assert {findings[check] for check in ("state", "identity", "server", "clock")} == {"ok"}
    assert len(force.kept(reports)) == before  # to look at the clock nothing is stored


def test_a_key_that_is_spent_is_refused_in_the_servers_words(force: Force, tmp_path: Path) -> None:
    spent = enrolment_key(force.database, uses_left=0)

    refused = command("once", env=environment(tmp_path / "agent", force.url, enrolment_key=spent))

    assert refused.returncode == 1
    assert "has no uses left: make another with `muster key create`." in refused.stderr


def test_a_device_that_begins_anew_has_another_stream_and_another_token(
    force: Force, env: dict[str, str], tmp_path: Path
) -> None:
    tokens, streams = [], []
    for _ in range(2):
        command("once", env=env)
        tokens.append(json.loads((tmp_path / "agent" / "identity.json").read_text())["token"])
        streams.append(json.loads((tmp_path / "agent" / "spool" / "stream.json").read_text())["stream"])
        command("reset", "--yes", env=env)

    assert len(set(tokens)) == 2
    assert set(streams) <= {row["stream"] for row in force.kept(reports)}
    assert len(set(streams)) == 2
