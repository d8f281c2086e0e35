"""Sender: what the server took is forgotten, what it refuses is made smaller, and after a fault the agent waits."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.agent.answering import HTML, MusterServer, Reply, Request, problem, taken
from tests.fixtures.machine import Fixture

from muster_agent.sender import Sender, Told, settle
from muster_agent.spool import Spool
from muster_agent.transport import Client


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(str(tmp_path / "spool"), 10**7)


@pytest.fixture
def sender(server: MusterServer, laptop: Fixture) -> Iterator[Sender]:
    client = Client(server.url)
    yield Sender(client, laptop.machine, version="1")
    client.close()


def fill(spool: Spool, count: int) -> None:
    for _ in range(count):
        sequence, report_id = spool.next_id()
        spool.add(sequence, b'{"report_id":"%s","schema":1}' % report_id.encode())


def waiting(spool: Spool) -> list[int]:
    return [sequence for sequence, _ in spool.batch(1_000, 10**9)]


def test_ninety_six_reports_go_at_once_the_newest_first(sender: Sender, server: MusterServer, spool: Spool) -> None:
    fill(spool, 100)

    assert sender.send(spool, "t") == Told(0.0, (), 900)
    assert [report["report_id"] for report in server.reports[:2]] == [f"{spool.stream}:{n}" for n in (100, 99)]
    assert len(server.reports) == 96
    assert waiting(spool) == [4, 3, 2, 1]


def test_an_empty_spool_asks_nobody(sender: Sender, server: MusterServer, spool: Spool) -> None:
    assert sender.send(spool, "t") == Told(0.0)
    assert server.requests == []


def test_what_the_server_says_is_told_within_bounds(sender: Sender, server: MusterServer, spool: Spool) -> None:
    fill(spool, 3)
    for asked, expected in ((1, 300), (10**400, 86_400), ("soon", None), (None, None), (1_800.5, None), (1_800, 1_800)):
        server.told = {"next_report_seconds": asked, "want": ["software", 5], "identity": "keep"}
        fill(spool, 1)

        told = sender.send(spool, "t")

        assert (told.next_report_seconds, told.want) == (expected, ("software",))


def test_accepted_and_duplicate_reports_are_forgotten_and_refused_ones_put_aside(
    sender: Sender, server: MusterServer, spool: Spool, tmp_path: Path
) -> None:
    fill(spool, 5)
    ids = {sequence: f"{spool.stream}:{sequence}" for sequence in range(1, 6)}
    refused = [
        {"problem": "p", "report_id": ids[3], "index": None, "section": None},
        {"problem": "p", "report_id": None, "index": 3, "section": None},  # the fourth of the batch is number 2
        {"problem": "p", "report_id": ids[5], "index": None, "section": "disks"},
    ]
    server.answers.append(Reply(202, {"accepted": [ids[5]], "duplicate": [ids[4]], "refused": refused}))

    sender.send(spool, "t")

    assert waiting(spool) == [1]
    assert spool.take_losses()[0] == {"rejected_reports": 2}
    assert sorted(path.name for path in (tmp_path / "spool" / "rejected").iterdir()) == [
        "000000000002.json",
        "000000000003.json",
    ]


@pytest.mark.usefixtures("server")
def test_reports_of_a_lost_stream_are_settled_by_their_own_ids(sender: Sender, spool: Spool, tmp_path: Path) -> None:
    fill(spool, 2)
    (tmp_path / "spool" / "stream.json").unlink()
    again = Spool(str(tmp_path / "spool"), 10**7)

    sender.send(again, "t")

    assert waiting(again) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"accepted": 5, "duplicate": None, "refused": "x"},
        {
            "accepted": [5, None, []],
            "refused": [5, {}, {"report_id": []}, {"index": -1}, {"index": 99}, {"index": "0"}],
        },
        {"accepted": ["another:1"], "refused": [{"report_id": "another:2"}]},
    ],
)
def test_an_answer_that_names_nothing_leaves_everything_and_makes_the_agent_wait(
    sender: Sender, server: MusterServer, spool: Spool, body: dict[str, Any]
) -> None:
    fill(spool, 2)
    server.answers.append(Reply(202, body))

    told = sender.send(spool, "t")

    assert told.wait_seconds >= 1
    assert "names none" in told.trouble
    assert waiting(spool) == [2, 1]


@pytest.mark.parametrize("refusal", [problem(400, "bad-request"), problem(413, "too-large")], ids=lambda r: r.status)
def test_a_batch_that_is_too_much_is_halved_until_one_report_stands_alone_and_is_put_aside(
    sender: Sender, server: MusterServer, spool: Spool, refusal: Reply
) -> None:
    fill(spool, 8)

    def only_the_third_is_bad(request: Request) -> Reply:
        ids = [report["report_id"] for report in request.json["reports"]]
        return refusal if f"{spool.stream}:3" in ids else taken(request)

    server.rule = only_the_third_is_bad
    for _ in range(20):
        sender.send(spool, "t")

    assert waiting(spool) == []
    assert spool.take_losses()[0] == {"rejected_reports": 1}
    assert len(server.reports) < 8 * 5


def test_reports_that_are_too_large_together_go_one_by_one_and_the_one_that_is_alone_is_put_aside(
    sender: Sender, server: MusterServer, spool: Spool
) -> None:
    for size in (110_000, 110_000, 110_000, 400_000):
        sequence, report_id = spool.next_id()
        noise = random.Random(sequence).randbytes(size).hex()  # hexadecimal shrinks to half
        spool.add(sequence, b'{"report_id":"%s","noise":"%s"}' % (report_id.encode(), noise.encode()))

    for _ in range(10):
        sender.send(spool, "t")

    assert sorted(report["report_id"] for report in server.reports) == [f"{spool.stream}:{n}" for n in (1, 2, 3)]
    assert spool.take_losses()[0] == {"rejected_reports": 1}


def test_a_server_that_refuses_everything_does_not_empty_the_spool(
    sender: Sender, server: MusterServer, spool: Spool
) -> None:
    fill(spool, 4)
    server.rule = lambda _request: problem(400, "bad-request")

    told = [sender.send(spool, "t") for _ in range(4)]

    assert [entry.wait_seconds == 0.0 for entry in told] == [True, True, False, False]
    assert len(waiting(spool)) == 2


def test_a_revoked_token_is_asked_about_once_an_hour(sender: Sender, server: MusterServer, spool: Spool) -> None:
    fill(spool, 1)
    server.answers.append(problem(403, "token-revoked"))

    assert sender.send(spool, "t") == Told(3_600.0, trouble="revoked")
    assert waiting(spool) == [1]


@pytest.mark.parametrize("kind", ["token-invalid", "device-unknown"])
def test_an_unknown_device_is_named_so(sender: Sender, server: MusterServer, spool: Spool, kind: str) -> None:
    fill(spool, 1)
    server.answers.append(problem(401, kind))

    assert sender.send(spool, "t").trouble == "unknown"


def test_a_token_revoked_by_anybody_else_is_a_network_fault(sender: Sender, server: MusterServer, spool: Spool) -> None:
    fill(spool, 1)
    server.answers.append(Reply(403, b"token-revoked", HTML))

    assert "not Muster" in sender.send(spool, "t").trouble


def test_a_split_identity_is_told_and_its_reports_are_taken(sender: Sender, server: MusterServer, spool: Spool) -> None:
    fill(spool, 1)
    server.told = {"identity": "split"}

    assert sender.send(spool, "t").trouble == "split"
    assert waiting(spool) == []


def test_waiting_grows_with_every_fault_to_an_hour_is_spread_over_the_whole_and_begins_anew(
    sender: Sender, server: MusterServer, spool: Spool
) -> None:
    fill(spool, 2)
    server.rule = lambda _request: problem(503, "busy")

    for limit in (5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600, 3_600):
        assert 1.0 <= sender.send(spool, "t").wait_seconds <= limit
    late = [sender.send(spool, "t").wait_seconds for _ in range(40)]
    assert min(late) < 1_800 < max(late)
    server.rule = lambda _request: None
    sender.send(spool, "t")
    fill(spool, 1)
    server.rule = lambda _request: problem(503, "busy")
    assert sender.send(spool, "t").wait_seconds <= 5


def test_a_server_may_stretch_the_wait_and_not_shorten_it(sender: Sender, server: MusterServer, spool: Spool) -> None:
    fill(spool, 1)
    server.rule = lambda _request: problem(503, "busy", retry_after=1_000)

    assert all(1_000 <= sender.send(spool, "t").wait_seconds <= 4_600 for _ in range(15))


def test_settling_says_whether_anything_was_named(spool: Spool) -> None:
    fill(spool, 1)
    batch = spool.batch(96, 10**6)

    assert not settle(spool, batch, body={"accepted": []})
    assert settle(spool, batch, body={"duplicate": [f"{spool.stream}:1"]})
