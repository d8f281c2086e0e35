"""HTTP as devices and programs speak it to a running server, in the shape of Flask's test client."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """What a server answered."""

    status_code: int
    headers: http.client.HTTPMessage
    data: bytes

    @property
    def text(self) -> str:
        return self.data.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class Client:
    """Asks one server, over a new connection each time unless it is told to keep one. Not for several threads."""

    def __init__(self, port: int, *, seconds: float = 15.0, keeps: bool = False) -> None:
        self.port = port
        self._keeps = keeps
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)

    def post(self, path: str, *, data: bytes | None = None, json: Any = None, headers: Any = None) -> Answer:
        body = data if json is None else _encoded(json)
        return self._ask("POST", path, body, headers or {})

    def get(self, path: str, *, headers: Any = None) -> Answer:
        return self._ask("GET", path, None, headers or {})

    def status(self, path: str) -> int:
        """The status of a page; 0 when nobody answers."""
        try:
            return self.get(path).status_code
        except (OSError, http.client.HTTPException):
            return 0

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        try:
            self._connection.request(method, path, body, dict(headers))
            answer = self._connection.getresponse()
            told = Answer(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        if not self._keeps:
            self._connection.close()
        return told


def _encoded(body: Any) -> bytes:
    return json.dumps(body).encode()
