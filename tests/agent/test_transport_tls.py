"""Transport over TLS and through proxies: only the right certificate is believed."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest
import trustme
from tests.agent.answering import MusterServer, Reply

from muster_agent.transport import Client, NetworkFaultError

BODY = b'{"sent_at":"2026-11-25T09:30:00Z","reports":[{"report_id":"a"}]}'


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def context_for(issuer: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[MusterServer]:
    with MusterServer(context_for(authority, "localhost")) as server:
        yield server


def fault(client: Client) -> str:
    with pytest.raises(NetworkFaultError) as caught:
        client.post("/api/v1/reports", BODY)
    return str(caught.value)


def test_a_given_authority_is_believed(secure: MusterServer, ca_file: str) -> None:
    client = Client(secure.url, ca_file=ca_file)

    assert client.post("/api/v1/reports", BODY).status == 202
    assert client.post("/api/v1/reports", BODY).status == 202
    client.close()
    assert secure.connections == 1


def test_an_authority_that_nobody_gave_is_not_believed(secure: MusterServer) -> None:
    assert "certificate verify failed" in fault(Client(secure.url))
    assert secure.requests == []


def test_a_certificate_of_another_authority_is_not_believed(secure: MusterServer, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))

    assert "certificate verify failed" in fault(Client(secure.url, ca_file=str(other)))
    assert secure.requests == []


def test_a_certificate_for_another_name_is_not_believed(authority: trustme.CA, ca_file: str) -> None:
    with MusterServer(context_for(authority, "elsewhere.example")) as server:
        assert "certificate verify failed" in fault(Client(server.url, ca_file=ca_file))
        assert server.requests == []


def test_plain_http_where_tls_was_asked_for_is_a_fault(ca_file: str) -> None:
    with MusterServer() as server:
        assert "SSL" in fault(Client(server.url.replace("http:", "https:"), ca_file=ca_file))


def test_an_authority_that_was_renewed_is_read_again_without_a_restart(
    secure: MusterServer, authority: trustme.CA, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    client = Client(secure.url, ca_file=str(path))
    fault(client)

    authority.cert_pem.write_to_path(str(path))

    assert client.post("/api/v1/reports", BODY).status == 202
    client.close()


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nno\n"])
def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)

    assert fault(Client("https://localhost:1", ca_file=str(path))).startswith(f"ca_file {path}: ")


def test_a_kept_tls_connection_that_the_server_closed_is_opened_anew(secure: MusterServer, ca_file: str) -> None:
    client = Client(secure.url, ca_file=ca_file)
    secure.answers.append(Reply(200, {}, close=True))
    client.get("/readyz")

    assert client.post("/api/v1/reports", BODY).status == 202
    client.close()


class Proxy:
    """A proxy on a free port: takes `CONNECT` and absolute addresses, or refuses with `status`."""

    def __init__(self, status: int = 200) -> None:
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
                    back = threading.Thread(target=_pump, args=(far, self.connection), daemon=True)
                    back.start()
                    _pump(self.connection, far)
                    back.join()
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
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while content := source.recv(65_536):
            sink.sendall(content)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


def test_through_a_proxy_tls_goes_end_to_end(secure: MusterServer, ca_file: str) -> None:
    with Proxy() as proxy:
        client = Client(secure.url, ca_file=ca_file, proxy=proxy.url)

        assert client.post("/api/v1/reports", BODY, token="secret").status == 202
        client.close()

    assert proxy.asked == [f"localhost:{secure.port}"]
    assert secure.requests[0].headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("status", [407, 502, 511])
def test_a_proxy_that_refuses_is_named_with_its_status(secure: MusterServer, ca_file: str, status: int) -> None:
    with Proxy(status) as proxy:
        assert str(status) in fault(Client(secure.url, ca_file=ca_file, proxy=proxy.url))

    assert secure.requests == []


def test_plain_http_through_a_proxy_asks_for_the_whole_address() -> None:
    with Proxy() as proxy:
        client = Client("http://muster.example:81", proxy=proxy.url)
        client.post("/api/v1/reports", BODY)
        client.close()

    assert proxy.asked == ["http://muster.example:81/api/v1/reports"]


@pytest.mark.parametrize("proxy", ["proxy.example:3128", "https://proxy.example", "http://", "http://a:0"])
def test_a_proxy_that_is_no_address_is_said_at_once(proxy: str) -> None:
    with pytest.raises(ValueError, match=r"^proxy .* is no address: write http://HOST\[:PORT\]\.$"):
        Client("https://muster.example", proxy=proxy)
