"""The API as its user meets it: a running server, a token from the command line, the examples of its own page."""

from __future__ import annotations

import html
import http.client
import json
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import needs
from tests.server.estate import Estate

from muster_server import create_app
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.web.reference import DOCUMENT


def muster(data_dir: Path, *arguments: str) -> str:
    """What a `muster` command prints."""
    command = [sys.executable, "-m", "muster_server.cli", "--data-dir", str(data_dir), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=150).stdout.strip()


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port of a server on a store of its own, as `muster serve` runs it."""
    muster(tmp_path, "db", "upgrade")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "muster_server.cli", "--data-dir", str(tmp_path), "serve", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        for _ in range(1_500):
            if status(port, "/readyz") == 200:
                break
            time.sleep(0.1)
        yield port
        server.terminate()


def status(port: int, path: str, token: str = "") -> int:
    """The status of an answer; 0 while nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


@pytest.fixture
def page(tmp_path: Path, port: int) -> str:
    """The page `/api` of that server, as a viewer sees it."""
    settings = Settings(data_dir=str(tmp_path), public_url=f"http://127.0.0.1:{port}", web_threads=2)
    app = create_app(settings)
    database: Database = app.extensions["muster"].database
    shown = Estate(app, database, settings).person("viewer").get("/api").text
    app.extensions["muster_door"].writer.stop()
    app.extensions["muster_door"].revocations.stop()
    database.close()
    return html.unescape(shown)


def test_a_token_that_the_command_prints_reads_until_it_is_revoked(port: int, tmp_path: Path) -> None:
    token = muster(tmp_path, "token", "create", "--role", "viewer", "--label", "Power BI")
    assert status(port, "/api/v1/devices", token) == 200

    number = json.loads(muster(tmp_path, "token", "list", "--json"))[0]["id"]
    muster(tmp_path, "token", "revoke", str(number))

    assert status(port, "/api/v1/devices", token) == 401


def test_the_page_of_the_api_has_an_example_of_every_question_that_works(page: str, tmp_path: Path) -> None:
    curl, token = needs.tool("curl"), muster(tmp_path, "token", "create", "--role", "viewer")
    answers = {}
    for example in re.findall(r"<code>(curl .*?)</code>", page):
        words = shlex.split(example.replace("$MUSTER_TOKEN", token))
        told = subprocess.run([curl, "-s", *words[1:]], check=True, capture_output=True, timeout=150)
        answers[words[-1].split("?")[0].split("/api/v1")[1]] = json.loads(told.stdout)

    described = [path for path, item in json.loads(DOCUMENT.read_bytes())["paths"].items() if "get" in item]
    assert len(answers) == len(described)
    assert answers["/devices"]["items"] == answers["/replacements"]["items"] == []
    assert answers["/estate"]["type"] == "/problems/no-snapshot"
