"""The load: one process that sends prepared requests over many connections and keeps every answer.

Enters: a file of requests (`pack`), a port, how many connections, for how long. Leaves: a file with the latency and the
body of every answer. Each connection sends its next request as soon as the last was answered. Nothing is parsed while
it runs: a request costs this process two system calls and a few dictionary look-ups.
"""

from __future__ import annotations

import mmap
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

_LENGTH = struct.Struct("<I")


class Run(msgspec.Struct, frozen=True):
    """What a run brought: its duration, each answer's latency (seconds) and text, and the CPU it took to make it."""

    seconds: float
    latencies: list[float]
    answers: list[bytes]
    refused: list[bytes]
    cpu_seconds: float


def pack(path: Path, wires: Iterable[bytes]) -> None:
    """Write requests to a file, each behind its length."""
    with path.open("wb") as file:
        for wire in wires:
            file.write(_LENGTH.pack(len(wire)) + wire)


def unpack(path: Path) -> Iterator[bytes]:
    """The requests in a file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place = 0
        while place < len(content):
            (length,) = _LENGTH.unpack_from(content, place)
            yield content[place + 4 : place + 4 + length]
            place += 4 + length


def drive(wires: Iterator[bytes], *, port: int, connections: int, seconds: float) -> Run:
    """Send requests until `seconds` are over or none is left, then take the answers that are under way."""
    poll = select.epoll()
    open_sockets: dict[int, socket.socket] = {}
    begun_at: dict[int, float] = {}
    latencies: list[float] = []
    answers: list[bytes] = []
    refused: list[bytes] = []
    cpu, begun = time.process_time(), time.perf_counter()
    for wire, _ in zip(wires, range(connections), strict=False):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        open_sockets[connection.fileno()] = connection
        poll.register(connection.fileno(), select.EPOLLIN)
        begun_at[connection.fileno()] = time.perf_counter()
        connection.sendall(wire)
    ends = begun + seconds
    while begun_at:
        for number, _ in poll.poll(30):
            connection = open_sockets[number]
            answer = _whole(connection)
            now = time.perf_counter()
            latencies.append(now - begun_at.pop(number))
            (answers if answer.startswith(b"HTTP/1.1 202") else refused).append(answer)
            wire = next(wires, b"") if now < ends else b""
            if wire:
                begun_at[number] = time.perf_counter()
                connection.sendall(wire)
    seconds = time.perf_counter() - begun
    return Run(seconds, latencies, answers, refused, time.process_time() - cpu)


def _whole(connection: socket.socket) -> bytes:
    """One answer; all of it is almost always there at once."""
    answer = connection.recv(65_536)
    while True:
        head, _, body = answer.partition(b"\r\n\r\n")
        lowered = head.lower()
        place = lowered.find(b"content-length:")
        length = int(lowered[place + 15 :].split(b"\r\n", 1)[0]) if place > 0 else 0
        if not answer or (head and len(body) >= length):
            return answer
        more = connection.recv(65_536)
        if not more:
            return answer
        answer += more


def main() -> None:
    """`generator REQUESTS PORT CONNECTIONS SECONDS RESULT`."""
    requests, port, connections, seconds, result = sys.argv[1:]
    if os.getuid() == 0:
        os.nice(-10)  # a delay of this process behind others on its core is not the server's
    run = drive(unpack(Path(requests)), port=int(port), connections=int(connections), seconds=float(seconds))
    Path(result).write_bytes(msgspec.msgpack.encode(run))


if __name__ == "__main__":
    main()
