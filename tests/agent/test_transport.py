"""Transport: answers of our own server are told from everything else that may answer in its place."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator

import pytest
from tests.agent.answering import HTML, JSON, PROBLEM, MusterServer, Reply, problem

from muster_agent.transport import Client, NetworkFaultError

BODY = b'{"sent_at":"2026-11-25T09:30:00Z","reports":[{"report_id":"a"}]}'


@pytest.fixture
def client(server: MusterServer) -> Iterator[Client]:
    made = Client(server.url, version="7.7")
    yield made
    made.close()


def fault(client: Client) -> NetworkFaultError:
    with pytest.raises(NetworkFaultError) as caught:
        client.post("/api/v1/reports", BODY, token="t")
    return caught.value


def test_a_body_goes_gzipped_with_its_token_and_the_answer_comes_back(client: Client, server: MusterServer) -> None:
    answer = client.post("/api/v1/reports", BODY, token="m1.x")

    assert (answer.status, answer.problem, answer.body["accepted"]) == (202, "", ["a"])
    (request,) = server.requests
    assert request.body == BODY
    assert request.headers["Content-Encoding"] == "gzip"
    assert request.headers["Authorization"] == "Bearer m1.x"
    assert request.headers["User-Agent"] == "muster-agent/7.7"


def test_a_body_that_the_server_would_not_take_is_not_sent_to_it(client: Client, server: MusterServer) -> None:
    answer = client.post("/api/v1/reports", random.Random(7).randbytes(300_000))

    assert (answer.status, answer.problem) == (413, "too-large")
    assert server.requests == []


def test_one_connection_serves_many_requests(client: Client, server: MusterServer) -> None:
    for _ in range(5):
        client.post("/api/v1/reports", BODY)

    assert (len(server.requests), server.connections) == (5, 1)


def test_a_problem_of_muster_is_named_with_the_time_to_wait(client: Client, server: MusterServer) -> None:
    server.answers.append(problem(503, "busy", retry_after=77))

    answer = client.post("/api/v1/reports", BODY)

    assert (answer.status, answer.problem, answer.retry_after_seconds) == (503, "busy", 77.0)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(302, b"", HTML, {"Location": "http://portal.example/"}),
        Reply(200, b"<html>Welcome to Station Wi-Fi, please sign in</html>", HTML),
        Reply(202, b"<html>Accepted</html>", HTML),
        Reply(407, b"<html>Proxy Authentication Required</html>", HTML),
        Reply(511, b"<html>Network Authentication Required</html>", HTML),
        Reply(403, {"type": "https://waf.example/blocked", "detail": "token-revoked"}, PROBLEM),
        Reply(202, b"not JSON", JSON),
        Reply(202, b"[]", JSON),
        Reply(202, b"", JSON),
        Reply(202, b"[" * 200_000, JSON),
        Reply(202, b'{"accepted": "\xff"}', JSON),
        Reply(202, b'{"n": ' + b"9" * 5_000 + b"}", JSON),
        Reply(500, b"Internal Server Error", "text/plain"),
    ],
    ids=lambda reply: f"{reply.status} {reply.content[:12]!r}",
)  # fmt: skip
def test_whatever_is_not_ours_is_a_network_fault_and_never_an_order(
    client: Client, server: MusterServer, reply: Reply
) -> None:
    server.answers.append(reply)

    assert "something that is not Muster" in str(fault(client))
    assert client.post("/api/v1/reports", BODY).status == 202  # and the next request is unharmed


def test_a_portal_may_say_how_long_to_wait(client: Client, server: MusterServer) -> None:
    server.answers.append(Reply(503, b"busy", HTML, {"Retry-After": "120"}))

    assert fault(client).retry_after_seconds == 120.0


@pytest.mark.parametrize("value", ["Wed, 25 Nov 2026 10:00:00 GMT", "-5", "1e9", "²", ""])
def test_a_time_to_wait_that_is_no_number_is_none(client: Client, server: MusterServer, value: str) -> None:
    server.answers.append(Reply(503, b"busy", HTML, {"Retry-After": value}))

    assert fault(client).retry_after_seconds == 0.0


def test_nobody_makes_us_wait_longer_than_a_day(client: Client, server: MusterServer) -> None:
    server.answers.append(problem(503, "busy", retry_after=10**30))

    assert client.post("/api/v1/reports", BODY).retry_after_seconds == 86_400.0


def test_an_answer_cut_short_is_a_fault(client: Client, server: MusterServer) -> None:
    server.answers.append(Reply(202, {"accepted": ["a"]}, cut=5))

    assert "cut short" in str(fault(client))


def test_an_answer_without_end_is_not_read_to_its_end(client: Client, server: MusterServer) -> None:
    server.answers.append(Reply(202, b'{"x": "' + b"y" * 5_000_000 + b'"}'))

    assert "too long" in str(fault(client))


def test_a_kept_connection_that_the_server_closed_is_opened_anew_without_a_fault(
    client: Client, server: MusterServer
) -> None:
    server.answers.append(Reply(200, {}, close=True))
    client.get("/readyz")

    assert client.post("/api/v1/reports", BODY).status == 202
    assert server.connections == 2


def test_into_a_connection_that_was_hung_up_nothing_is_written() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}")
        asking = threading.Thread(target=client.get, args=("/readyz",))
        asking.start()
        first, _ = listener.accept()
        first.recv(65_536)
        first.sendall(answer)
        asking.join(10)
        first.shutdown(socket.SHUT_WR)  # as a proxy does after a minute

        again = threading.Thread(target=client.post, args=("/api/v1/reports", BODY))
        again.start()
        second, _ = listener.accept()
        second.recv(65_536)
        second.sendall(answer)
        again.join(10)

        assert first.recv(65_536) == b""
        first.close()
        second.close()
        client.close()


def test_a_server_that_is_not_there_is_a_fault_that_says_why() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening

        assert "Connection refused" in str(fault(Client(f"http://127.0.0.1:{taken.getsockname()[1]}")))


def test_a_server_that_closes_every_connection_is_asked_once_and_not_in_a_circle() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepted: list[int] = []

        def close_all() -> None:
            while True:
                try:
                    listening.accept()[0].close()
                except OSError:
                    return
                accepted.append(1)

        thread = threading.Thread(target=close_all, daemon=True)
        thread.start()
        fault(Client(f"http://127.0.0.1:{listening.getsockname()[1]}"))
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()
    assert len(accepted) == 1


def test_a_name_that_nobody_knows_is_a_fault() -> None:
    assert "gaierror" in str(fault(Client("http://muster.invalid")))


@pytest.mark.parametrize(
    "url", ["", "muster.example", "ftp://muster.example", "https://", "http://a:99999", "http://[::1", "http://a:x"]
)
def test_an_address_that_is_none_is_said_at_once_with_what_to_write(url: str) -> None:
    with pytest.raises(ValueError, match=r"^server_url .* is no address: write https://HOST\[:PORT\]\.$"):
        Client(url)


def test_an_address_may_have_a_path_before_ours(server: MusterServer) -> None:
    server.rule = lambda _request: Reply(200, {})
    client = Client(f"{server.url}/muster/")

    client.get("/readyz")

    client.close()
    assert server.requests[0].path == "/muster/readyz"


def test_what_was_left_of_an_answer_is_never_read_as_the_next_one(client: Client, server: MusterServer) -> None:
    server.answers.append(Reply(200, b"<html></html>", HTML))
    fault(client)
    server.answers.append(Reply(200, {"mine": True}))

    assert client.get("/readyz").body == {"mine": True}
