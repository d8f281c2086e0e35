"""A server that does nothing: what granian itself and the load generator can do at most.

`noop PORT`: reads each body and answers 202 with as many bytes as Muster would.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

_ANSWER = b'{"accepted":["0123456789abcdef0123456789abcdef:5001"],"duplicate":[],"refused":[]}'.ljust(200)
_HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(_ANSWER)))]


def application() -> Callable[..., Iterable[bytes]]:
    """The WSGI application that does nothing."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"].read()
        start_response("202 ACCEPTED", _HEADERS)
        return (_ANSWER,)

    return answer


if __name__ == "__main__":
    Server(
        "tests.bench.noop:application",
        factory=True,
        interface=Interfaces.WSGI,
        address="127.0.0.1",
        port=int(sys.argv[1]),
        blocking_threads=48,
        backlog=2_048,
        log_access=False,
        log_level=LogLevels.error,
    ).serve()
