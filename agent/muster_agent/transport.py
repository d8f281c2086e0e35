"""HTTP to the server: one connection that stays open, gzip, the system's trust store or a given authority.

Enters: paths and bodies. Leaves: `Answer`s of our own server. Whatever is not ours (a redirect, HTML, a proxy's or a
portal's page, an answer cut short) is a NetworkFaultError, never an order. The road is found with the first connection
and again after a fault; TLS goes on from the session before where the server keeps one.
"""

from __future__ import annotations

import gzip
import http.client
import json
import select
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from muster_agent.road import Finder, Road, address, straight
from muster_agent.tls import Secure, believing, shown_issuer
from muster_agent.worker import HungError, Worker

MOST_WIRE_BYTES = 256_000
_TIMEOUT_SECONDS = 30.0  # of one step: connecting, waiting for the next bytes
_LOOK_UP_SECONDS = 20.0
_ANSWER_SECONDS = 120.0  # of a whole answer
_PATIENCE_SECONDS = 300.0  # with a request as a whole, on two connections one after the other
_MOST_ANSWER_BYTES = 1_000_000
_PIECE_BYTES = 65_536


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
    """A connection to one server. `handshakes` counts those of TLS: [full, resumed]."""

    def __init__(self, url: str, *, ca_file: str = "", road: Finder = straight, version: str = "0") -> None:
        """`url` and `ca_file` as in the settings, `road` finds the way; raises ValueError when `url` is no address."""
        parts = address("server_url", url, schemes=("https", "http"))
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port or (443 if self._secure else 80)
        self._base = parts.path.rstrip("/")
        self._find = road
        self._road: Road | None = None
        self._ca_file, self._version = ca_file, version
        self._connection: http.client.HTTPConnection | None = None
        self._context: ssl.SSLContext | None = None
        self._session: ssl.SSLSession | None = None
        self.handshakes = [0, 0]
        # Windows lets no signal end a wait for the network: the main thread must not be the one that waits.
        self._worker = Worker(_PATIENCE_SECONDS) if sys.platform == "win32" else None

    @property
    def road(self) -> Road:
        """The road in use, found if need be; raises ValueError when a proxy is named that is no address."""
        if self._road is None:
            self._road = self._find()
        return self._road

    def post(self, path: str, body: bytes, *, token: str = "") -> Answer:
        """Send a body, gzipped; raises NetworkFaultError.

        One that is larger than the server takes is answered here as it would be there: it closes the connection on such
        a body, and on a long road its answer would be lost.
        """
        packed = gzip.compress(body, 6, mtime=0)
        if len(packed) > MOST_WIRE_BYTES:
            return Answer(413, {}, "too-large", 0.0)
        headers = {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            "User-Agent": f"muster-agent/{self._version}",
        }
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self._ask("POST", path, body=packed, headers=headers)

    def get(self, path: str) -> Answer:
        """Ask for a path; raises NetworkFaultError."""
        return self._ask("GET", path, body=None, headers={})

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, method: str, path: str, *, body: bytes | None, headers: dict[str, str]) -> Answer:
        asking = partial(self._ask_here, method, path, body=body, headers=headers)
        if self._worker is None:
            return asking()
        try:
            return _aside(self._worker, asking)
        except HungError:
            self._connection = None  # it is that thread's now
            raise NetworkFaultError(f"no answer within {self._worker.patience_seconds:.0f} s") from None

    def _ask_here(self, method: str, path: str, *, body: bytes | None, headers: dict[str, str]) -> Answer:
        if self._connection is not None and _has_ended(self._connection):
            self.close()  # else the whole request would go into a connection that nobody reads from
        fresh = self._connection is None
        try:
            return self._exchange(method, path, body=body, headers=headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            if fresh or isinstance(error, TimeoutError):
                raise NetworkFaultError(self._told(error)) from None
        except BaseException:
            self.close()  # told to stop in the middle: what is left of the answer must not be read as the next
            raise
        # A kept connection had ended: once more, on a new one.
        return self._ask_here(method, path, body=body, headers=headers)

    def _exchange(self, method: str, path: str, *, body: bytes | None, headers: dict[str, str]) -> Answer:
        if self._connection is None:
            self._connection = self._connect()
        absolute = self.road.host and not self._secure
        target = f"http://{_bracketed(self._host)}:{self._port}{self._base}{path}" if absolute else self._base + path
        self._connection.request(method, target, body, headers)
        sock = self._connection.sock
        response = self._connection.getresponse()
        content = _content(response)
        if isinstance(sock, ssl.SSLSocket):
            self._session = sock.session  # the server may have handed one out, or another
        if response.will_close:
            self.close()
        return _answer(response, content)

    def _connect(self) -> http.client.HTTPConnection:
        road = self.road
        host, port = road.host or self._host, road.port or self._port
        _look_up(host, port)
        if not self._secure:
            return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
        if self._context is None:
            try:
                self._context = believing(self._ca_file)
            except OSError as error:
                raise NetworkFaultError(f"ca_file {self._ca_file or 'of the system'}: {_plain(error)}") from None
        server = (self._host, self._port)
        connection = Secure(road, server, context=self._context, timeout=_TIMEOUT_SECONDS)
        connection.session = self._session
        connection.connect()
        self.handshakes[bool(connection.secured.session_reused)] += 1
        return connection

    def _told(self, error: Exception) -> str:
        """What went wrong; the road and the authorities may be others the next time."""
        road, self._road, self._context, self._session = self._road, None, None, None
        told = _plain(error)
        if road and road.host:
            told += f", through the proxy {_bracketed(road.host)}:{road.port} (named by {road.named_by})"
        if road and isinstance(error, ssl.SSLCertVerificationError):
            issuer = shown_issuer(road, (self._host, self._port), timeout=_TIMEOUT_SECONDS)
            told += f"; the certificate shown here was issued by {issuer!r}" if issuer else ""
        return told


def _aside(worker: Worker, asking: Callable[[], Answer]) -> Answer:
    """What a request in another thread gives or raises, or HungError; whoever has to stop leaves it behind."""

    def caught() -> Answer | NetworkFaultError:
        try:
            return asking()
        except NetworkFaultError as fault:
            return fault

    answer: Answer | NetworkFaultError = worker.run(caught)
    if isinstance(answer, NetworkFaultError):
        raise answer
    return answer


def _look_up(host: str, port: int) -> None:
    """Find a name's addresses in a thread, for the resolver does not listen to signals and may take half a minute.

    Connecting asks once more, and then the answer is at hand. Raises OSError.
    """
    failed: list[OSError] = []

    def ask() -> None:
        try:
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            failed.append(error)
        except UnicodeError:
            failed.append(OSError(f"{host!r} is no name of a host"))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_LOOK_UP_SECONDS)
    if thread.is_alive():
        raise TimeoutError(f"the address of {host} could not be found in {_LOOK_UP_SECONDS:.0f} s")
    if failed:
        raise failed[0]


def _has_ended(connection: http.client.HTTPConnection) -> bool:
    """Whether an idle connection was hung up: there is something to read although nothing was asked."""
    return connection.sock is None or bool(select.select([connection.sock], [], [], 0)[0])


def _content(response: http.client.HTTPResponse) -> bytes:
    """The whole body of an answer; raises HTTPException or OSError when it is cut short, too long or too slow."""
    content = bytearray()
    ends = time.monotonic() + _ANSWER_SECONDS
    while piece := response.read1(_PIECE_BYTES):
        content += piece
        if len(content) > _MOST_ANSWER_BYTES:
            raise http.client.HTTPException("the answer is too long")
        if time.monotonic() > ends:
            raise TimeoutError("the answer came too slowly")
    missing = response.length
    response.close()
    if missing:
        raise http.client.HTTPException("the answer was cut short")
    return bytes(content)


def _answer(response: http.client.HTTPResponse, content: bytes) -> Answer:
    """The answer, if it is our server's: JSON, or one of our own problems."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    retry_after = _seconds(response.headers.get("Retry-After"))
    try:
        body = json.loads(content) if kind in ("application/json", "application/problem+json") else None
    except (ValueError, RecursionError):
        body = None
    problem = str(body.get("type", "")) if isinstance(body, dict) and kind == "application/problem+json" else ""
    if not isinstance(body, dict) or (problem and not problem.startswith("/problems/")):
        raise NetworkFaultError(f"status {response.status} from something that is not Muster", retry_after)
    return Answer(response.status, body, problem.removeprefix("/problems/"), retry_after)


def _seconds(value: str | None) -> float:
    return min(float(value), 86_400.0) if value is not None and value.isascii() and value.isdigit() else 0.0


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _plain(error: Exception) -> str:
    """What went wrong, for a person: the kind of error and its reason."""
    reason = getattr(error, "strerror", None) or str(error)
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__
