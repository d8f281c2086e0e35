"""Counts the bytes between a program and a server, TLS records included; headers of TCP and IP are not."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import Self

_PIECE_BYTES = 65_536
_IDLE_SECONDS = 60.0  # nginx waits for 75


class Relay:
    """Hands every connection on to a port of this machine and counts what passes; ends TLS where a context is given.

    With TLS it hangs up after a minute without a word, as the proxy in front of a server does, and counts handshakes.
    """

    def __init__(self, target_port: int, *, tls: ssl.SSLContext | None = None) -> None:
        self.to_target = self.from_target = 0
        self.handshakes = self.resumed = 0
        self._target_port = target_port
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    @property
    def passed(self) -> tuple[int, int]:
        """Bytes to the target and from it."""
        return self.to_target, self.from_target

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed: the bench is over
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                secured = self._tls.wrap_socket(connection, server_side=True)
                self.handshakes += 1
                self.resumed += bool(secured.session_reused)
                secured.settimeout(_IDLE_SECONDS)
                connection = secured
            target = socket.create_connection(("127.0.0.1", self._target_port))
        except OSError:
            connection.close()
            return
        threading.Thread(target=self._back, args=(target, connection), daemon=True).start()
        try:
            while piece := connection.recv(_PIECE_BYTES):
                self.to_target += len(piece)
                target.sendall(piece)
        except OSError:
            pass
        finally:
            _end(target)

    def _back(self, target: socket.socket, connection: socket.socket) -> None:
        try:
            while piece := target.recv(_PIECE_BYTES):
                self.from_target += len(piece)
                connection.sendall(piece)
        except OSError:
            pass
        finally:
            _end(connection)


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        connection.close()
