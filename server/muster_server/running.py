"""`running.json`: which instance of Muster runs in a data directory, and where it answers.

The launcher holds a lock on the directory itself, which the kernel gives back however the launcher ends; the file only
tells others how to reach it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
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


def find(data_dir: str) -> Running | None:
    """The instance that runs in a data directory; None when there is none, or only what a killed one left."""
    try:
        running = msgspec.json.decode(_path_in(data_dir).read_bytes(), type=Running)
        alive = abs(psutil.Process(running.pid).create_time() - running.began) < 5
    except (OSError, msgspec.DecodeError, psutil.Error):
        return None
    return running if alive else None


@contextmanager
def claimed(running: Running) -> Iterator[None]:
    """Hold the data directory, with the file in it, until the block ends; raises AlreadyRunningError."""
    directory = os.open(running.data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(directory, running.data_dir)
        path = _path_in(running.data_dir)
        try:
            _write(path, msgspec.json.encode(running))
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(directory)


def _lock(directory: int, data_dir: str) -> None:
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = find(data_dir)
        who = f" (pid {other.pid}, {other.address})" if other else ""
        raise AlreadyRunningError(
            f"Muster already runs in {data_dir}{who}: stop it, or choose another --data-dir."
        ) from None


def _write(path: Path, content: bytes) -> None:
    """Replace the file whole, so that nobody reads half of it; only its owner may read the store's address."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    new.replace(path)


def _path_in(data_dir: str) -> Path:
    return Path(data_dir) / "running.json"
