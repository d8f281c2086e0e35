"""Flask behind the event loop: one request as WSGI (PEP 3333), answered in the thread that calls.

Enters: an RSGI request whose body was read. Leaves: its answer; at once where its length is known, else piece by piece.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

_WITHOUT_PREFIX = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
_SLOWEST_READER_SECONDS = 60

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Bridge:
    """A WSGI application, called with RSGI's scope and protocol."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def answer(self, scope: Any, protocol: Any, *, body: bytes, loop: asyncio.AbstractEventLoop) -> None:
        """Answer one request. Blocks; `loop` is where the protocol lives."""
        begun: list[tuple[int, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_exc_info: Any) -> None:
            begun[:] = [(int(status[:3]), headers)]

        answered = self._application(environ(scope, body), start_response)
        try:
            pieces = iter(answered)
            first = next(pieces, b"")  # no sooner must an application have begun its answer
            status, headers = begun[0]
            if status in (204, 304) or any(name.lower() == "content-length" for name, _ in headers):
                protocol.response_bytes(status, headers, first + b"".join(pieces))
                return
            stream = protocol.response_stream(status, headers)
            for piece in filter(None, chain((first,), pieces)):
                asyncio.run_coroutine_threadsafe(_send(stream, piece), loop).result(_SLOWEST_READER_SECONDS)
        finally:
            getattr(answered, "close", lambda: None)()


def environ(scope: Any, body: bytes) -> Environ:
    """The WSGI environment of a request."""
    server, _, port = scope.server.rpartition(":")
    found: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        # WSGI carries bytes of a path as Latin-1.
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if scope.authority:
        found["HTTP_HOST"] = scope.authority
    for name, value in scope.headers.items():
        key = _WITHOUT_PREFIX.get(name) or f"HTTP_{name.upper().replace('-', '_')}"
        between = "; " if name == "cookie" else ","
        found[key] = f"{found[key]}{between}{value}" if key in found else value
    return found


async def _send(stream: Any, piece: bytes) -> None:
    await stream.send_bytes(piece)
