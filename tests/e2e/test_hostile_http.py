"""Through the real server: whatever comes over a socket gets its answer, never a 500, and never holds it up."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Any

import pytest
from tests.e2e.programs import Program
from tests.server.door import Device

NOW = "2026-11-20T00:00:00Z"


def raw(port: int, request: bytes) -> bytes:
    """The first line of what the server answers to bytes on a socket; empty when it only hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        return connection.recv(65_536).partition(b"\r\n")[0]


def head(*lines: bytes) -> bytes:
    return b"\r\n".join([b"POST /api/v1/reports HTTP/1.1", b"Host: muster", *lines, b"", b""])


def enveloped(report: bytes) -> bytes:
    return b'{"sent_at":"%s","reports":[%s]}' % (NOW.encode(), report)


def section(name: bytes, content: bytes) -> bytes:
    about = b'"report_id":"%032x:1","schema":1,"collected_at":"%s"' % (1, NOW.encode())
    return enveloped(b'{%s,"sections":{"%s":%s}}' % (about, name, content))


SOCKETS = {
    "negative Content-Length": (head(b"Content-Length: -1") + b"{}", b"400"),
    "Content-Length that is no number": (head(b"Content-Length: many") + b"{}", b"400"),
    "two Content-Lengths": (head(b"Content-Length: 2", b"Content-Length: 3") + b"{}", b"400"),
    "a chunk of no size": (head(b"Transfer-Encoding: chunked") + b"ZZ\r\n{}\r\n0\r\n\r\n", b"401"),
    "no body": (head(), b"401"),
    "a header of a megabyte": (head(b"X: " + b"a" * 1_000_000), b"431"),
    "a token that is not text": (head(b"Authorization: Bearer \xff\xfe", b"Content-Length: 2") + b"{}", b"401"),
    "TLS to a plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
}

# What the issue lists, and what the design answers: 400 for the whole, or 202 with the section refused.
WHOLE = {
    "broken gzip": b"\x1f\x8b no gzip",
    "gzip cut short": gzip.compress(b"{}")[:-4],
    "broken JSON": gzip.compress(b'{"sent_at":'),
    "NaN": gzip.compress(enveloped(b'{"x":NaN}')),
    "a lone surrogate": gzip.compress(enveloped(b'"\\ud800"')),
    "deep nesting": gzip.compress(enveloped(b"[" * 200_000 + b"]" * 200_000)),
}
SECTIONS = {
    "10^400": section(b"disks", b'{"volumes":[{"name":"/","total_bytes":1%s,"free_bytes":1}]}' % (b"0" * 400)),
    "10^400 as a float": section(b"battery", b'{"packs":[{"name":"B","full":1e400}]}'),
    "a string of a megabyte": section(b"system", b'{"hostname":"%s"}' % (b"x" * 1_000_000)),
    "NUL": section(b"system", b'{"hostname":"a\\u0000b"}'),
    "the wrong type": section(b"disks", b"5"),
    "5,000 titles": section(b"software", json.dumps({"titles": [{"name": f"t{n}"} for n in range(5_000)]}).encode()),
    "a wrong list of levels": section(b"use", b'{"hours":[{"hour_at":"%s","cpu":[1]}]}' % NOW.encode()),
}


@pytest.fixture
def device(served: Program) -> Device:
    return Device(served.client, served.enrolment_key())


def test_everything_hostile_gets_its_answer_and_the_next_report_is_taken(served: Program, device: Device) -> None:
    told = {name: raw(served.port, request).split(b" ")[1] for name, (request, _) in SOCKETS.items()}
    refused = {name: device.post_bytes(body) for name, body in WHOLE.items()}
    partly = {name: _fresh(device, body) for name, body in SECTIONS.items()}
    too_much = [device.post_bytes(b"x" * 256_001), device.post_bytes(gzip.compress(b" " * 2_000_001))]

    assert told == {name: expected for name, (_, expected) in SOCKETS.items()}
    assert {name: answer.status_code for name, answer in refused.items()} == dict.fromkeys(WHOLE, 400)
    assert {name: len(answer["accepted"]) for name, answer in partly.items()} == dict.fromkeys(SECTIONS, 1)
    assert {name: len(answer["refused"]) for name, answer in partly.items()} == dict.fromkeys(SECTIONS, 1)
    assert [answer.status_code for answer in too_much] == [413, 413]
    assert device.post(device.report()).status_code == 202
    assert "Traceback" not in served.said


def _fresh(device: Device, body: bytes) -> Any:
    """What is answered to a body whose report is given a number of its own."""
    device.sequence += 1
    answer = device.post_bytes(gzip.compress(body.replace(b':1","schema', b':%d","schema' % device.sequence, 1)))
    assert answer.status_code == 202, answer.text
    return answer.json


def test_a_sender_of_too_much_reads_why_instead_of_seeing_its_connection_break(served: Program, device: Device) -> None:
    """Through socket buffers as small as a slow line makes them."""
    with socket.socket() as narrow:
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        narrow.settimeout(20)
        narrow.connect(("127.0.0.1", served.port))
        token = f"Authorization: Bearer {device.token}".encode()
        narrow.sendall(head(token, b"Content-Length: 4000000") + b"x" * 4_000_000)

        assert b" 413 " in narrow.recv(65_536)
