"""HTTP to the server: one connection that stays open, gzip, the system's trust store or a given authority.

Enters: paths and bodies. Leaves: `Answer`s of our own server. Whatever is not ours (a redirect, HTML, a proxy's or a
portal's page, an answer cut short) is a NetworkFaultError, never an order.
"""

from __future__ import annotations

import gzip
import http.client
import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 30
_MOST_ANSWER_BYTES = 1_000_000


class NetworkFaultError(Exception):
    """The server could not be reached, or something else answered in its place."""

    def __init__(self, reason: str, retry_after_seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class Answer(NamedTuple):
    """An answer of our own server: status, the JSON in it, and the kind of problem (empty when it is none)."""

    status: int
    body: dict[str, Any]
    problem: str
    retry_after_seconds: float


class Client:
    """A connection to one server."""

    def __init__(self, url: str, *, ca_file: str = "", proxy: str = "", version: str = "0") -> None:
        """`url` as in the settings; raises ValueError when it is not http(s)."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"server_url {url!r} is no address: write https://HOST[:PORT].")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port or (443 if self._secure else 80)
        self._base = parts.path.rstrip("/")
        self._ca_file, self._proxy, self._version = ca_file, proxy, version
        self._connection: http.client.HTTPConnection | None = None
        self._context: Any = None

    def post(self, path: str, body: bytes, *, token: str = "") -> Answer:
        """Send a body, gzipped; raises NetworkFaultError."""
        headers = {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            "User-Agent": f"muster-agent/{self._version}",
        }
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self._ask("POST", path, body=gzip.compress(body, 6, mtime=0), headers=headers)

    def get(self, path: str) -> Answer:
        """Ask for a path; raises NetworkFaultError."""
        return self._ask("GET", path, body=None, headers={})

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, method: str, path: str, *, body: bytes | None, headers: dict[str, str]) -> Answer:
        fresh = self._connection is None
        try:
            return self._exchange(method, path, body=body, headers=headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
            self.close()
            if fresh:
                raise NetworkFaultError(f"the connection was closed ({type(error).__name__})") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise NetworkFaultError(_plain(error)) from None
        except BaseException:
            self.close()  # told to stop in the middle: what is left of the answer must not be read as the next
            raise
        return self._ask(
            method, path, body=body, headers=headers
        )  # a kept connection had ended: once more, on a new one

    def _exchange(self, method: str, path: str, *, body: bytes | None, headers: dict[str, str]) -> Answer:
        if self._connection is None:
            self._connection = self._connect()
        absolute = self._proxy and not self._secure
        target = f"http://{self._host}:{self._port}{self._base}{path}" if absolute else f"{self._base}{path}"
        self._connection.request(method, target, body, headers)
        response = self._connection.getresponse()
        content = response.read(_MOST_ANSWER_BYTES + 1)
        if len(content) > _MOST_ANSWER_BYTES:
            raise http.client.HTTPException("the answer is too long")
        if response.will_close:
            self.close()
        return _answer(response, content)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._host, self._port
        if self._proxy:
            proxy = urlsplit(self._proxy)
            host, port = proxy.hostname or "", proxy.port or 8080
        if not self._secure:
            return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
        import ssl  # costs a megabyte that plain HTTP on one machine need not pay

        if self._context is None:
            self._context = ssl.create_default_context(cafile=self._ca_file or None)
        connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_SECONDS, context=self._context)
        if self._proxy:
            connection.set_tunnel(self._host, self._port)
        return connection


def _answer(response: http.client.HTTPResponse, content: bytes) -> Answer:
    """The answer, if it is our server's: JSON, or one of our own problems."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    retry_after = _seconds(response.headers.get("Retry-After"))
    try:
        body = json.loads(content) if kind in ("application/json", "application/problem+json") else None
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise NetworkFaultError(f"status {response.status} from something that is not Muster", retry_after)
    problem = str(body.get("type", "")) if kind == "application/problem+json" else ""
    if problem and not problem.startswith("/problems/"):
        raise NetworkFaultError(f"status {response.status} from something that is not Muster", retry_after)
    return Answer(response.status, body, problem.removeprefix("/problems/"), retry_after)


def _seconds(value: str | None) -> float:
    return min(float(value), 86_400.0) if value is not None and value.isascii() and value.isdigit() else 0.0


def _plain(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or ""
    return f"{type(error).__name__}{': ' if reason else ''}{reason}"
