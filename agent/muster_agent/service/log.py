"""The service's log: lines with their instant, in two files of which the older is dropped when the newer is full."""

from __future__ import annotations

import os
from contextlib import suppress

MOST_BYTES = 5_000_000  # both files together
OLDER = ".1"


class Log:
    """A log in one file, `path`, and the one before it, `path`.1. Never raises: a full disk loses lines, no more."""

    def __init__(self, path: str, most_bytes: int = MOST_BYTES) -> None:
        """Lines go to the end of `path`."""
        self._path = path
        self._most_bytes = most_bytes // 2

    def write(self, at: str, line: str) -> None:
        """Add a line; `at` is its instant."""
        text = f"{at} {line}\n".encode("utf-8", "replace")[: self._most_bytes]
        with suppress(OSError):
            if os.path.exists(self._path) and os.path.getsize(self._path) + len(text) > self._most_bytes:
                os.replace(self._path, self._path + OLDER)
            # Opened for each line: an administrator may move or read the file at any time, and lines are few.
            with open(self._path, "ab") as file:
                file.write(text)
