"""Small files of the agent's own, replaced whole or not at all."""

from __future__ import annotations

import json
import os
from typing import Any


def write_whole(path: str, content: bytes, *, mode: int = 0o600) -> None:
    """Replace a file so that after a crash it is the old or the new one; on disk when this returns. Raises OSError."""
    temporary = f"{path}.new"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        remove(temporary)
        raise


def read_json(path: str) -> dict[str, Any]:
    """The object in a file; empty when it is not there or not JSON."""
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    try:
        os.remove(path)
    except OSError:
        return
