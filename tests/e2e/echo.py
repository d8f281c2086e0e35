"""A small Flask application behind `Bridge` on granian: `python -m tests.e2e.echo PORT`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, request
from granian.constants import Interfaces
from granian.server import Server

from muster_server.bridge import Bridge

app = Flask(__name__)
PIECE = b"x" * 100_000


@app.route("/<path:path>", methods=["GET", "POST"])
def echo(path: str) -> dict[str, Any]:
    return {
        "path": path,
        "query": request.args.to_dict(flat=False),
        "cookies": request.cookies,
        "twice": request.headers.get("X-Twice"),
        "body": request.get_data(as_text=True),
        "form": request.form,
        "address": request.remote_addr,
        "host": request.host,
        "url": request.url,
    }


@app.get("/pieces")
def pieces() -> Response:
    def each() -> Iterator[bytes]:
        for number in range(50):
            yield b"" if number == 20 else PIECE
        yield b"end"

    return Response(each(), content_type="text/plain")


@app.get("/nothing")
def nothing() -> tuple[str, int]:
    return "", 204


class Echo:
    """Every request through the bridge, in a thread."""

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._bridge = Bridge(app)

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        body = bytes(await protocol())
        await asyncio.to_thread(self._bridge.answer, scope, protocol, body=body, loop=self._loop)


if __name__ == "__main__":
    Server(
        "tests.e2e.echo:Echo", factory=True, interface=Interfaces.RSGI, address="127.0.0.1", port=int(sys.argv[1])
    ).serve()
