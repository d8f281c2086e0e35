"""Enrolment: asked for once, kept for root alone, and a refusal is told from a fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.agent.answering import HTML, MusterServer, Reply, problem

from muster_agent import enrolment
from muster_agent.enrolment import EnrolmentRefusedError, Identity
from muster_agent.transport import Client, NetworkFaultError

ABOUT = {"agent": {"version": "1"}, "hardware": {}, "hostname": "pc-1", "key": "mk_sesame"}


def ask(server: MusterServer, token: str = "") -> Identity:
    client = Client(server.url)
    try:
        return enrolment.enrol(client, ABOUT, token=token)
    finally:
        client.close()


def test_a_key_gives_an_identity(server: MusterServer) -> None:
    assert ask(server) == Identity("device-1", "token-1")
    assert server.requests[0].json == ABOUT
    assert "Authorization" not in server.requests[0].headers


def test_a_split_device_shows_the_token_it_holds(server: MusterServer) -> None:
    ask(server, token="held")

    assert server.requests[0].headers["Authorization"] == "Bearer held"


@pytest.mark.parametrize("kind", ["enrolment-refused", "bad-request", "device-unknown", "token-revoked"])
def test_a_refusal_says_why(server: MusterServer, kind: str) -> None:
    server.answers.append(problem(401, kind))

    with pytest.raises(EnrolmentRefusedError, match=f"It is {kind}"):
        ask(server)


@pytest.mark.parametrize(
    "reply",
    [
        problem(503, "busy", retry_after=40),
        problem(429, "too-many-requests", retry_after=40),
        Reply(200, {"device_id": "d", "token": "t"}, headers={"Retry-After": "40"}),
        Reply(201, {"device_id": "d"}, headers={"Retry-After": "40"}),
        Reply(201, {"device_id": 5, "token": "t"}, headers={"Retry-After": "40"}),
        Reply(401, b"<html>", HTML, {"Retry-After": "40"}),
    ],
)
def test_everything_else_is_a_fault_to_try_again_after(server: MusterServer, reply: Reply) -> None:
    server.answers.append(reply)

    with pytest.raises(NetworkFaultError) as caught:
        ask(server)

    assert caught.value.retry_after_seconds == 40


def test_an_identity_is_kept_for_its_owner_alone_and_can_be_forgotten(tmp_path: Path) -> None:
    state = tmp_path / "a" / "state"
    enrolment.keep(str(state), Identity("d", "t"))

    assert enrolment.load(str(state)) == Identity("d", "t")
    assert state.stat().st_mode & 0o777 == 0o700
    assert (state / "identity.json").stat().st_mode & 0o777 == 0o600
    enrolment.forget(str(state))
    assert enrolment.load(str(state)) is None
    assert list(state.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{}", '{"device_id": "d"}', '{"device_id": "d", "token": 5}', "[]"])
def test_a_file_that_holds_no_identity_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "identity.json").write_text(content)

    assert enrolment.load(str(tmp_path)) is None
