"""The bridge from the event loop to Flask: a request arrives whole, and an answer leaves whole."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.e2e.echo import PIECE
from tests.e2e.programs import free_port, wait_for
from tests.e2e.wire import Answer, Client


@pytest.fixture(scope="module")
def echo() -> Iterator[Client]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.e2e.echo", str(port)], stderr=subprocess.DEVNULL)
    client = Client(port)
    wait_for("echo", lambda: client.status("/nothing") == 204)
    yield client
    process.terminate()
    process.wait(20)


def test_path_query_host_and_address_arrive_as_they_were_sent(echo: Client) -> None:
    heard = echo.get("/caf%C3%A9%20%2Fx?a=1&a=%20b&c=%C3%A9").json

    assert heard["path"] == "café /x"
    assert heard["query"] == {"a": ["1", " b"], "c": ["é"]}
    assert heard["address"] == "127.0.0.1"
    assert heard["host"] == f"127.0.0.1:{echo.port}"
    assert heard["url"].startswith(f"http://127.0.0.1:{echo.port}/caf")


def test_headers_and_cookies_sent_twice_are_joined(echo: Client) -> None:
    with socket.create_connection(("127.0.0.1", echo.port), timeout=20) as connection:
        connection.sendall(
            b"GET /x HTTP/1.1\r\nHost: m\r\nX-Twice: 1\r\nX-Twice: 2\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n"
        )
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        heard = Answer(answer.status, answer.headers, answer.read()).json

    assert heard["twice"] == "1,2"
    assert heard["cookies"] == {"a": "1", "b": "2"}


def test_bodies_arrive_whole_as_forms_in_pieces_and_not_at_all(echo: Client) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    plain = {"Content-Type": "text/plain"}

    assert echo.post("/x", data=b"name=a&word=%C3%A9", headers=form).json["form"] == {"name": "a", "word": "é"}
    assert echo.post("/x", data=b"y" * 200_000, headers=plain).json["body"] == "y" * 200_000
    assert echo.post("/x", data=b"", headers=plain).json["body"] == ""
    connection = http.client.HTTPConnection("127.0.0.1", echo.port, timeout=20)
    connection.request("POST", "/x", iter([b"ab", b"cd"]), plain, encode_chunked=True)
    assert b'"body":"abcd"' in connection.getresponse().read()
    connection.close()


def test_an_answer_of_unknown_length_leaves_in_pieces(echo: Client) -> None:
    answer = echo.get("/pieces")

    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.data == 49 * PIECE + b"end"


def test_a_reader_who_leaves_in_the_middle_of_an_answer_does_no_harm(echo: Client) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", echo.port), timeout=20) as connection:
            connection.sendall(b"GET /pieces HTTP/1.1\r\nHost: m\r\n\r\n")
            assert connection.recv(1_000)

    assert echo.get("/x").status_code == 200


def test_answers_without_a_body_keep_what_they_say_of_its_length(echo: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", echo.port, timeout=20)
    connection.request("HEAD", "/x")
    head = connection.getresponse()

    assert (head.status, head.read()) == (200, b"")
    assert int(head.headers["Content-Length"]) > 50
    connection.close()
    assert echo.get("/nothing").data == b""
