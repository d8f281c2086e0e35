"""Transport over TLS and through proxies: only the right certificate is believed."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from tests.agent.answering import MusterServer, Reply
from tests.agent.proxies import Proxy

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


def test_through_a_proxy_tls_goes_end_to_end(secure: MusterServer, ca_file: str) -> None:
    with Proxy() as proxy:
        client = Client(secure.url, ca_file=ca_file, road=proxy.road)

        assert client.post("/api/v1/reports", BODY, token="secret").status == 202
        client.close()

    assert proxy.asked == [f"localhost:{secure.port}"]
    assert secure.requests[0].headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("status", [407, 502, 511])
def test_a_proxy_that_refuses_is_named_with_its_status(secure: MusterServer, ca_file: str, status: int) -> None:
    with Proxy(status) as proxy:
        assert str(status) in fault(Client(secure.url, ca_file=ca_file, road=proxy.road))

    assert secure.requests == []


def test_plain_http_through_a_proxy_asks_for_the_whole_address() -> None:
    with Proxy() as proxy:
        client = Client("http://muster.example:81", road=proxy.road)
        client.post("/api/v1/reports", BODY)
        client.close()

    assert proxy.asked == ["http://muster.example:81/api/v1/reports"]


def test_tls_goes_on_from_the_session_before_and_full_handshakes_are_few(authority: trustme.CA, ca_file: str) -> None:
    context = context_for(authority, "localhost")
    with MusterServer(context) as server:
        client = Client(server.url, ca_file=ca_file)
        for _ in range(4):
            server.answers.append(Reply(200, {}, close=True))
            client.get("/readyz")
            client.close()

    assert client.handshakes == [1, 3]
    assert context.session_stats()["hits"] == 3


def test_who_issued_a_certificate_that_is_not_believed_is_told(secure: MusterServer) -> None:
    said = fault(Client(secure.url))

    assert "certificate verify failed" in said
    assert "the certificate shown here was issued by 'Testing CA #" in said
    assert secure.requests == []


@pytest.fixture
def prying() -> Iterator[tuple[Proxy, trustme.CA]]:
    """A proxy that looks into TLS, and the authority by which it does."""
    pryer = trustme.CA(organization_unit_name="Inspector of Anytown")
    far = ssl.create_default_context()
    far.check_hostname, far.verify_mode = False, ssl.CERT_NONE
    with Proxy(inspects=context_for(pryer, "localhost"), trusts=far) as proxy:
        yield proxy, pryer


def test_an_inspecting_proxy_is_believed_once_its_authority_is_in_the_machines_store(
    secure: MusterServer, prying: tuple[Proxy, trustme.CA], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, pryer = prying
    store = tmp_path / "store.pem"
    pryer.cert_pem.write_to_path(str(store))
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    client = Client(secure.url, road=proxy.road)

    assert client.post("/api/v1/reports", BODY).status == 202
    client.close()
    assert secure.requests[0].path == "/api/v1/reports"


def test_an_inspecting_proxy_that_is_not_believed_is_named_and_reads_nothing(
    secure: MusterServer, prying: tuple[Proxy, trustme.CA], ca_file: str
) -> None:
    proxy, _ = prying

    said = fault(Client(secure.url, ca_file=ca_file, road=proxy.road))

    assert "issued by 'Inspector of Anytown'" in said
    assert f"through the proxy 127.0.0.1:{proxy.port} (named by test)" in said
    assert (proxy.read, secure.requests) == (b"", [])
