"""What could hold the server up for good: bodies that never end, a writer that dies, a process that is killed."""

from __future__ import annotations

import http.client
import os
import signal
import socket
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import pytest
from tests.e2e.conftest import Start
from tests.e2e.programs import Program, muster, wait_for
from tests.server.door import Device

from muster_server.clock import now_ms
from muster_server.db import Database
from muster_server.store.migrate import migrate

THREADS = 8


@pytest.fixture
def serve(program: Start, tmp_path: Path) -> Program:
    """`muster serve` on SQLite with few threads and little patience."""
    with closing(Database(f"sqlite:///{tmp_path / 'var' / 'muster.db'}")) as database:
        migrate(database, now_ms())
    started = program("serve", "--host", "localhost", web_threads=THREADS, body_seconds=1)
    started.wait_until_ready()
    return started


@pytest.fixture
def device(serve: Program) -> Device:
    return Device(serve.client, serve.enrolment_key())


def taken(device: Device) -> bool:
    """Whether a new report is taken now."""
    try:
        return device.post(device.report()).status_code == 202
    except OSError:
        return False


def test_bodies_that_never_end_lose_their_connection_and_others_go_on(serve: Program, device: Device) -> None:
    paths = ("/api/v1/reports", "/api/v1/enrol", "/sign-in")
    with ExitStack() as stack:
        for number in range(3 * THREADS):
            half = stack.enter_context(socket.create_connection(("127.0.0.1", serve.port)))
            path, token = paths[number % 3].encode(), device.token.encode()
            half.sendall(b"POST %s HTTP/1.1\r\nHost: m\r\nAuthorization: Bearer %s\r\n" % (path, token))
            half.sendall(b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n{")
        serve.wait_until_said("A body did not arrive in time; its sender is cut off.")

        wait_for("taken report", lambda: taken(device))


def test_the_form_of_a_person_is_read_to_its_end(serve: Program) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", serve.port, timeout=20)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with closing(connection):
        connection.request("POST", "/sign-in", "name=nobody&password=wrong", form)

        assert connection.getresponse().status == 400  # it carries no token of the page


def test_a_writer_that_dies_ends_its_process_and_another_takes_over(serve: Program, device: Device) -> None:
    turn = serve.data_dir / "muster.db.turn"
    turn.unlink(missing_ok=True)
    turn.mkdir()
    answer = device.post(device.report())
    turn.rmdir()

    assert (answer.status_code, answer.json["type"]) == (503, "/problems/busy")
    serve.wait_until_said("Unexpected exit from worker-1")
    wait_for("taken report", lambda: taken(device))


def test_a_killed_web_process_is_replaced(serve: Program, device: Device) -> None:
    for child in psutil.Process(serve.process.pid).children():
        os.kill(child.pid, signal.SIGKILL)

    serve.wait_until_said("Respawning worker-1")
    wait_for("taken report", lambda: taken(device))
    assert serve.stop() == 0


def test_what_could_never_serve_is_refused_with_a_sentence_and_not_tried_over_and_over(
    serve: Program, tmp_path: Path
) -> None:
    no_store = muster("serve", data_dir=tmp_path / "empty")
    taken_port = muster("serve", "--port", str(serve.port), data_dir=serve.data_dir)

    assert (no_store.returncode, taken_port.returncode) == (1, 1)
    assert no_store.stderr.startswith("muster: There is no store ")
    assert taken_port.stderr.startswith(f"muster: 127.0.0.1:{serve.port} cannot be used: it belongs to pid ")
    assert no_store.stderr.count("\n") == taken_port.stderr.count("\n") == 1
