"""The event loop in front of Flask: it answers reports as the route behind it would, and nobody holds it up."""

from __future__ import annotations

import http.client
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import Start
from tests.e2e.programs import Program
from tests.e2e.wire import Client
from tests.server.door import Answer, Device

from muster_server import create_app
from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.store.migrate import migrate


@pytest.fixture
def serve(program: Start, tmp_path: Path) -> Program:
    """`muster serve` on SQLite behind one proxy, with little patience."""
    with closing(Database(f"sqlite:///{tmp_path / 'var' / 'muster.db'}")) as database:
        migrate(database, now_ms())
    started = program("serve", body_seconds=2, proxy_hops=1)
    started.wait_until_ready()
    return started


@pytest.fixture
def device(serve: Program) -> Device:
    return Device(serve.client, serve.enrolment_key())


def told(answer: Answer) -> tuple[int, str, dict[str, Any]]:
    """What an answer says, without the time."""
    return answer.status_code, answer.headers["Content-Type"], {**answer.json, "server_time": ""}


def test_a_report_gets_the_same_answer_from_the_event_loop_and_through_flask(serve: Program, device: Device) -> None:
    report = device.report(restart={"pending": False}, disks=7)
    device.post(report)
    by_the_loop = [device.post(report, 5), device.post_bytes(b"{"), device.post_bytes(b"x", token="m1.no")]

    app = create_app(Settings(data_dir=str(serve.data_dir)))
    device.client = app.test_client()
    through_flask = [device.post(report, 5), device.post_bytes(b"{"), device.post_bytes(b"x", token="m1.no")]
    app.extensions["muster_door"].writer.stop()

    assert [told(answer) for answer in by_the_loop] == [told(answer) for answer in through_flask]
    assert [answer.status_code for answer in by_the_loop] == [202, 400, 401]
    assert by_the_loop[0].json["duplicate"] == [report["report_id"]]


def test_a_late_body_is_told_so_and_cut_off_while_its_neighbours_go_on(serve: Program) -> None:
    """They share an address, as all devices of a police station do."""
    neighbour = Client(serve.port, keeps=True)
    assert neighbour.status("/healthz") == 200
    with socket.create_connection(("127.0.0.1", serve.port), timeout=20) as late:
        late.sendall(b"POST /api/v1/reports HTTP/1.1\r\nHost: m\r\nContent-Length: 1000\r\n\r\n{")
        answer = http.client.HTTPResponse(late)
        answer.begin()

        assert (answer.status, answer.headers["Content-Type"]) == (408, "application/problem+json")
        assert answer.read()
        assert late.recv(1) == b""
    assert neighbour.status("/healthz") == 200  # over the connection that it kept
    neighbour.close()


def test_an_address_behind_our_proxy_is_held_back_alone(serve: Program, device: Device) -> None:
    def refused(forwarded_for: str) -> int:
        headers = {"Authorization": "Bearer m1.no", "X-Forwarded-For": forwarded_for}
        return serve.client.post("/api/v1/reports", data=b"{}", headers=headers).status_code

    assert {refused(f"10.9.9.{n}, 10.0.0.1") for n in range(75)} == {401, 429}
    assert refused("10.0.0.1, 10.0.0.2") == 401
    assert device.post(device.report()).status_code == 202
