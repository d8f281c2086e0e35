"""Cuts off whoever begins to send a body and does not end: each such request holds a thread of the server.

Enters: a WSGI application. Leaves: the same, whose bodies must arrive within a number of seconds. A laptop that loses
its network in the middle of a report would otherwise hold its thread for good, and as many of them as there are threads
would stop the server. granian has a time limit for headers only, and its reads cannot be interrupted; but a read ends
when its connection does.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import psutil
import structlog

log = structlog.get_logger()


class SlowBodies:
    """WSGI middleware. When a body is late, all connections of its address are cut: agents send again."""

    def __init__(self, application: Callable[..., Iterable[bytes]], seconds: float) -> None:
        """`seconds` is how long a body may take to arrive."""
        self._application = application
        self._seconds = seconds
        self._reading: dict[_Body, float] = {}
        threading.Thread(target=self._run, name="slow bodies", daemon=True).start()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve one request."""
        environ["wsgi.input"] = _Body(environ, self._reading)
        return self._application(environ, start_response)

    def _run(self) -> None:
        while True:
            time.sleep(self._seconds / 2)
            too_long_ago = time.monotonic() - self._seconds
            late = {body.sender for body, begun in list(self._reading.items()) if begun < too_long_ago}
            for address, port in late:
                log.warning("A body did not arrive in time; its sender is cut off.", address=address)
                with suppress(psutil.Error, OSError):  # connections cannot be listed just now: the next round will
                    _cut(address, port)


class _Body:
    """The body of one request. While it is read it stands in `reading`, with when its first read began."""

    __slots__ = ("_begun", "_reading", "_stream", "sender")

    def __init__(self, environ: dict[str, Any], reading: dict[_Body, float]) -> None:
        self.sender = (str(environ["REMOTE_ADDR"]), int(environ["SERVER_PORT"]))
        self._stream = environ["wsgi.input"]
        self._reading = reading
        self._begun: float | None = None

    def read(self, size: int = -1) -> bytes:
        """As of any file."""
        return self._timed(self._stream.read, size)

    def readline(self, size: int = -1) -> bytes:
        """As of any file."""
        return self._timed(self._stream.readline, size)

    def _timed(self, read: Callable[..., bytes], size: int) -> bytes:
        self._begun = self._begun or time.monotonic()
        self._reading[self] = self._begun
        try:
            return read() if size < 0 else read(size)  # granian takes no negative size
        finally:
            del self._reading[self]


def _cut(address: str, port: int) -> None:
    """Shut down every connection that this process accepted at `port` from `address`."""
    for found in psutil.Process().net_connections("tcp"):
        peer = tuple(found.raddr)  # empty where it listens
        if found.laddr.port != port or peer[:1] != (address,):
            continue
        # By now the number may mean another file: the duplicate is asked once more what it is.
        with suppress(OSError), socket.socket(fileno=os.dup(found.fd)) as connection:
            if connection.getpeername()[:2] == peer:
                connection.shutdown(socket.SHUT_RDWR)
