"""The address that the server listens on: whether it is free, who holds it, and whether Muster answers there."""

from __future__ import annotations

import errno
import http.client
import socket

import psutil

from muster_server.config import Settings
from muster_server.errors import MusterError

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


class AddressError(MusterError):
    """The server cannot listen at the address that was wished."""


def local_url(settings: Settings) -> str:
    """Where a program on this machine reaches the server."""
    host = _reachable(settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def answers_ready(settings: Settings) -> bool:
    """Whether the server takes reports now."""
    connection = http.client.HTTPConnection(_reachable(settings.host), settings.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def usable_host(settings: Settings) -> str:
    """The host in digits, as granian wants it, once it is certain that somebody can listen there now.

    Raises AddressError; a taken port names its owner.
    """
    where = f"{settings.host}:{settings.port} cannot be used"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise AddressError(f"{where}: {_owner_of(settings.port)}. Choose another with --port.") from None
            raise AddressError(f"{where} ({error.strerror}): choose another with --host or --port.") from None
        host: str = probe.getsockname()[0]
        return host


def _owner_of(port: int) -> str:
    for found in psutil.net_connections(kind="tcp"):
        if found.laddr and found.laddr.port == port and found.status == psutil.CONN_LISTEN and found.pid:
            try:
                owner = psutil.Process(found.pid)
                return f"it belongs to pid {found.pid}, {' '.join(owner.cmdline())[:120] or owner.name()}"
            except psutil.Error:
                break
    return "it is taken, and by whom is not visible to this account"


def _reachable(host: str) -> str:
    return _EVERYWHERE.get(host, host)
