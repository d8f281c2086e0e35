"""`running.json`: which instance of Muster runs in a data directory, and where it answers."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import psutil

from muster_server.errors import MusterError


class AlreadyRunningError(MusterError):
    """Another launcher holds this data directory."""


class Running(msgspec.Struct, frozen=True):
    """A launcher that runs: its process, when that began, and how to reach it."""

    pid: int
    began: float
    address: str
    data_dir: str
    database_url: str
    redis_url: str


def path_in(data_dir: str) -> Path:
    """Where the file of a data directory is."""
    return Path(data_dir) / "running.json"


def find(data_dir: str) -> Running | None:
    """The instance that runs in a data directory; None when there is none, or only what a killed one left."""
    try:
        running = msgspec.json.decode(path_in(data_dir).read_bytes(), type=Running)
        alive = abs(psutil.Process(running.pid).create_time() - running.began) < 5
    except (OSError, msgspec.DecodeError, psutil.Error):
        return None
    return running if alive else None


def claim(running: Running) -> None:
    """Write the file, readable by its owner alone; raises AlreadyRunningError."""
    other = find(running.data_dir)
    if other is not None:
        raise AlreadyRunningError(
            f"Muster already runs in {running.data_dir} (pid {other.pid}, {other.address}): "
            "stop it, or choose another --data-dir."
        )
    path = path_in(running.data_dir)
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(running))


def release(data_dir: str) -> None:
    """Remove the file."""
    path_in(data_dir).unlink(missing_ok=True)
