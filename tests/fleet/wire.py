"""The wire of Muster over HTTP: enrol, send reports, and read what the server says of itself.

Enters: bodies. Leaves: answers, or one of two errors: `AwayError` (come back later) and `RefusedError` (never so).
"""

from __future__ import annotations

import http.client
import json
import re
import zlib
from typing import Any
from urllib.parse import urlsplit

from tests.fleet.reports import VERSION

_TIMEOUT_SECONDS = 60
_PER_STATION = 40  # devices behind one address, as in a police station


class AwayError(Exception):
    """The server is away or busy; nothing is known of what was sent."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class RefusedError(Exception):
    """The server answered, and will not take it. `kind` is its problem's type."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind


class Door:
    """A connection to the server that stays open. Not to be shared between threads."""

    def __init__(self, url: str, station: int | None = None) -> None:
        """`station` numbers a police station: its own address, where the server is on this machine."""
        parts = urlsplit(url)
        host, port = parts.hostname or "127.0.0.1", parts.port or 80
        source = None
        if station is not None and host.startswith("127."):
            source = (f"127.1.{station // 250}.{station % 250 + 1}", 0)
        self._connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS, source_address=source)

    def post(self, path: str, body: bytes, token: str = "") -> dict[str, Any]:
        """The server's answer to a body; raises AwayError, RefusedError."""
        headers = {"Content-Type": "application/json", "User-Agent": f"muster-fleet/{VERSION}"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        # Level 1 where agents take 6: the whole estate shares the processors of its server.
        gzip = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        wire = gzip.compress(body) + gzip.flush()
        return self._ask("POST", path, wire, {**headers, "Content-Encoding": "gzip"})

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise AwayError(f"{type(error).__name__}: {error}", 1.0) from None
        if response.status in (429, 503):
            wait = float(response.headers.get("Retry-After") or 1)
            raise AwayError(answer.get("detail", ""), wait)
        if response.status >= 400:
            raise RefusedError(str(answer.get("type", response.status)).rpartition("/")[2], answer.get("detail", ""))
        return answer


def enrol(url: str, about: dict[str, Any], number: int) -> str:
    """Enrol a device from its station's address; gives its token. Raises AwayError, RefusedError."""
    door = Door(url, number // _PER_STATION)
    try:
        token: str = door.post("/api/v1/enrol", json.dumps(about).encode())["token"]
        return token
    finally:
        door.close()


def metrics(url: str) -> dict[str, float]:
    """The server's metrics by name and labels as written; empty while it is away."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=10)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    return {name: float(value) for name, value in re.findall(r"^(muster_\S+?(?:\{.*\})?) (\S+)$", text, re.MULTILINE)}
