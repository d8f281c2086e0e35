"""TLS of the agent: whom it believes, sessions that go on, and who issued what it does not believe.

Enters: a road, a server's name, an authority's file. Leaves: connections, contexts, an issuer's name.
"""

from __future__ import annotations

import http.client
import ssl
from contextlib import suppress

from muster_agent.certificates import parse_issuer
from muster_agent.road import Road


class Secure(http.client.HTTPConnection):
    """HTTP over TLS to a server, through the tunnel of a proxy if the road has one; goes on from `session`."""

    default_port = 443

    def __init__(self, road: Road, server: tuple[str, int], *, context: ssl.SSLContext, timeout: float) -> None:
        """`server` is host and port, `timeout` the seconds of one step."""
        super().__init__(road.host or server[0], road.port or server[1], timeout=timeout)
        self._context, self._server_name = context, server[0]
        self.session: ssl.SSLSession | None = None
        if road.host:
            self.set_tunnel(*server)

    def connect(self) -> None:
        """Connect, by tunnel if need be, and shake hands."""
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._server_name, session=self.session)

    @property
    def secured(self) -> ssl.SSLSocket:
        """The socket, once connected; raises OSError before and after that."""
        if not isinstance(self.sock, ssl.SSLSocket):
            raise OSError("there is no connection")
        return self.sock


def believing(ca_file: str) -> ssl.SSLContext:
    """Believes the given authority, else those of the system; raises OSError."""
    context = ssl.create_default_context(cafile=ca_file or None)
    # Python 3.13 asks for every word of RFC 5280, which the authorities of inspecting proxies seldom keep.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def shown_issuer(road: Road, server: tuple[str, int], *, timeout: float) -> str | None:
    """Who issued the certificate that is shown there, by a handshake that believes all and sends nothing after it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = Secure(road, server, context=context, timeout=timeout)
    issuer = None
    with suppress(OSError, http.client.HTTPException, ValueError):
        connection.connect()
        issuer = parse_issuer(connection.secured.getpeercert(binary_form=True) or b"")
    connection.close()
    return issuer
