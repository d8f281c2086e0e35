"""A real proxy on a free loopback port: it tunnels, answers for the server, refuses, or looks into TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from muster_agent.road import Road


class Proxy:
    """A proxy on a free port: takes `CONNECT` and absolute addresses, or refuses with `status`.

    With `inspects` and `trusts` it looks into TLS as inspecting proxies do: it shows a certificate of its own (for any
    name that `inspects` has one of), and speaks TLS to the server anew.
    """

    def __init__(
        self, status: int = 200, *, inspects: ssl.SSLContext | None = None, trusts: ssl.SSLContext | None = None
    ) -> None:
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                outer.asked.append(self.path)
                if status != 200:
                    self.send_error(status)
                    return
                host, _, port = self.path.rpartition(":")
                with socket.create_connection((host, int(port))) as far:
                    self.send_response(200)
                    self.end_headers()
                    outer._join(self.connection, far, host=host)
                self.close_connection = True

            def do_POST(self) -> None:
                outer.asked.append(self.path)
                self.rfile.read(int(self.headers["Content-Length"]))
                content = b'{"accepted": []}'
                self.send_response(202)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it
                """Tests speak for themselves."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.block_on_close = False
        self.port = self._http.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._inspects, self._trusts = inspects, trusts
        self.read = b""  # what an inspecting proxy saw in clear

    def road(self) -> Road:
        """The road through this proxy."""
        return Road("test", "127.0.0.1", self.port)

    def _join(self, near: socket.socket, far: socket.socket, *, host: str) -> None:
        """Carry what both say until they are done."""
        if self._inspects is not None and self._trusts is not None:
            try:
                near = self._inspects.wrap_socket(near, server_side=True)
            except (OSError, ssl.SSLError):
                return
            far = self._trusts.wrap_socket(far, server_hostname=host)
        back = threading.Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        self.read += _pump(near, far)
        back.join(5)
        near.close()
        far.close()

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


def _pump(source: socket.socket, sink: socket.socket) -> bytes:
    carried = b""
    try:
        while content := source.recv(65_536):
            carried += content
            sink.sendall(content)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    return carried
