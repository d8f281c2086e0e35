"""A disk that is full."""

from __future__ import annotations

from pathlib import Path

import pytest


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(b"x" * 4_096)
    return filler
