"""Small files of the agent's own, replaced whole or not at all, and the lock that keeps two agents apart."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import IO, Any

NEW = ".new"  # what a file is called with until it is whole; a crash may leave one behind


class InUseError(Exception):
    """Another agent works with the same directory."""


def write_whole(path: str, content: bytes, *, mode: int = 0o600) -> None:
    """Replace a file so that after a crash it is the old or the new one; on disk when this returns. Raises OSError.

    Nobody else may read it, unless `mode` says so.
    """
    temporary = path + NEW
    _remove(temporary)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            _give(handle, os.path.dirname(path))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_directory(os.path.dirname(path))
    except OSError:
        _remove(temporary)
        raise


def append(path: str, content: bytes, *, at: int) -> None:
    """Write behind the first `at` bytes of a file that nobody else may read, and no further; on disk when this returns.

    Raises OSError; then the file is cut to `at` bytes as far as that goes. What stood behind them, torn, is gone.
    """
    fresh = not os.path.exists(path)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(handle, "rb+") as file:
        try:
            _give(handle, os.path.dirname(path))
            file.truncate(at)
            file.seek(at)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                os.ftruncate(file.fileno(), at)
            raise
    if fresh:
        _sync_directory(os.path.dirname(path))


def write_in_place(path: str, content: bytes) -> None:
    """Write over a file that is there and as long, which a full disk can take; raises OSError."""
    handle = os.open(path, os.O_WRONLY)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_json(path: str) -> dict[str, Any]:
    """The object in a file; empty when it is not there or not JSON."""
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def remove(path: str) -> None:
    """Remove a file and what a crash left of writing it, if they are there."""
    _remove(path)
    _remove(path + NEW)


def lock(directory: str) -> IO[bytes]:
    """Take a directory for this process alone, until the file is closed; raises InUseError or OSError."""
    handle = os.open(os.path.join(directory, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    _give(handle, directory)
    file = os.fdopen(handle, "rb+")
    try:
        _lock(file)
    except OSError:
        file.close()
        raise InUseError(f"Another muster-agent works in {directory}: stop it first.") from None
    return file


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:
        return


if sys.platform == "win32":
    import msvcrt

    def private_directory(path: str) -> None:
        """Make a folder that nobody else may enter, or mend the one that is there; raises OSError."""
        from muster_agent.service.security import secure

        secure(path)

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _give(_handle: int, _directory: str) -> None:
        """Windows' folders hand on to whom their files belong."""

    def _sync_directory(_path: str) -> None:
        """Windows writes a renamed entry by itself."""

else:
    import fcntl

    def private_directory(path: str) -> None:
        """Make a directory that nobody else may read, unless it is there; raises OSError."""
        fresh = not os.path.isdir(path)
        os.makedirs(path, mode=0o700, exist_ok=True)
        above = os.stat(os.path.dirname(path) or ".")
        if fresh and os.geteuid() == 0 and above.st_uid != 0:
            os.chown(path, above.st_uid, above.st_gid)

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _give(handle: int, directory: str) -> None:
        """What root writes beside an agent without rights belongs to that agent, or it could not go on."""
        about = os.stat(directory or ".")
        if os.geteuid() == 0 and about.st_uid != 0:
            os.fchown(handle, about.st_uid, about.st_gid)

    def _sync_directory(path: str) -> None:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
