"""Tools a test needs: missing ones skip the test with a reason, and fail it in CI."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def tool(name: str, *places: str) -> str:
    """The path of a program, looked for on PATH and in `places`; skips (fails in CI) when it is missing."""
    found = shutil.which(name) or next(
        (str(Path(place) / name) for place in places if (Path(place) / name).exists()), None
    )
    if found is None:
        missing(f"{name} is not installed: run `make tools`")
    return found


def missing(reason: str) -> NoReturn:
    """Skip the running test because of `reason`; in CI fail it, since there nothing may be missing."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
