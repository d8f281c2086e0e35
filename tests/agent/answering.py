"""A real server on a free loopback port that answers as a test tells it, over HTTP or TLS, and remembers what came.

`MusterServer` answers like Muster unless `answers` holds something else for the next request, or `rule` for each.
"""

from __future__ import annotations

import gzip
import json
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

JSON, PROBLEM, HTML = "application/json", "application/problem+json", "text/html"
SERVER_TIME = "2026-11-25T09:30:00.000Z"


class Request(NamedTuple):
    """One request as it came; `body` is inflated."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """One answer; `cut` bytes of the body are announced and not sent, `hang` waits first, `close` ends the connection
    without a word, after the answer.
    """

    status: int = 200
    body: Any = None
    kind: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    hang: bool = False
    close: bool = False

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def problem(status: int, kind: str, *, retry_after: int | None = None) -> Reply:
    """One of Muster's own problems."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Reply(status, {"type": f"/problems/{kind}", "detail": f"It is {kind}."}, PROBLEM, headers)


class Server:
    """Answers with what `answer` gives; `url` is where it is."""

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._changed = threading.Condition()
        self._released = threading.Event()
        self._http = _Threads(("127.0.0.1", port), self._handler())
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self._scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def port(self) -> int:
        return self._http.server_port

    @property
    def url(self) -> str:
        return f"{self._scheme}://localhost:{self.port}"

    def answer(self, request: Request) -> Reply:
        raise AssertionError(f"nobody said what to answer to {request.path}")

    def wait_for(self, come: Callable[[], Any], seconds: float = 30.0) -> None:
        """Wait until `come()` holds; fails when it does not in time."""
        with self._changed:
            assert self._changed.wait_for(come, seconds), f"it did not come; there were {len(self.requests)} requests"

    def release(self) -> None:
        """Let hanging answers go."""
        self._released.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _took(self, request: Request) -> Reply:
        with self._changed:
            reply = self.answer(request)
            self.requests.append(request)
            self._changed.notify_all()
        if reply.hang:
            self._released.wait(60)
        return reply

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(_Handler):
            server_under_test = outer

        return Handler


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server_under_test: Server

    def setup(self) -> None:
        super().setup()
        self.server_under_test.connections += 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        inflated = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        reply = self.server_under_test._took(Request(self.command, self.path, dict(self.headers), inflated))
        content = reply.content
        self.send_response(reply.status)
        for name, value in {"Content-Type": reply.kind, "Content-Length": str(len(content)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) - reply.cut])
        self.close_connection = self.close_connection or reply.close or reply.cut > 0

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it
        """Tests speak for themselves."""


class MusterServer(Server):
    """Lets every device in, takes every report and says what is wanted."""

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        super().__init__(tls, port)
        self.answers: deque[Reply] = deque()
        self.rule: Callable[[Request], Reply | None] = lambda _request: None
        self.told: dict[str, Any] = {"want": [], "next_report_seconds": 900, "identity": "keep"}
        self.enrolled = 0

    @property
    def reports(self) -> list[dict[str, Any]]:
        """Every report that came, in the order in which it came."""
        posts = [request for request in list(self.requests) if request.path == "/api/v1/reports"]
        return [report for request in posts for report in request.json["reports"]]

    @property
    def enrolments(self) -> list[Request]:
        return [request for request in list(self.requests) if request.path == "/api/v1/enrol"]

    def answer(self, request: Request) -> Reply:
        ruled = self.rule(request)
        if ruled is not None:
            return ruled
        if self.answers:
            return self.answers.popleft()
        if request.path == "/api/v1/enrol":
            self.enrolled += 1
            return Reply(201, {"device_id": f"device-{self.enrolled}", "token": f"token-{self.enrolled}"})
        if request.path == "/readyz":
            return Reply(200, {"ready": True, "checks": {}})
        return taken(request, **self.told)


def taken(request: Request, **told: Any) -> Reply:
    """The 202 that takes every report of a request that has an id."""
    ids = [report["report_id"] for report in request.json["reports"] if "report_id" in report]
    body = {"accepted": ids, "duplicate": [], "refused": [], "want": [], "next_report_seconds": 900, "identity": "keep"}
    return Reply(202, {**body, "server_time": SERVER_TIME, **told})
