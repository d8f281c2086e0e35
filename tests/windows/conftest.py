"""Fixtures of the Windows package: built once, in the version before and the present one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests import needs
from tests.windows.wine import Wine

from ingredients import PackagingError
from muster_agent import __version__
from muster_msi.folder import lay
from muster_msi.making import build
from muster_msi.parts import Parts, fetch

BEFORE = "0.0.9"
_TOOLS = ("mvn", "wixl", "msibuild", "msiinfo", "msiextract", "x86_64-w64-mingw32-ld")


class Built(NamedTuple):
    """What `make packages` makes for Windows, its install folder, and the package of the version before."""

    out: Path
    folder: Path
    package: Path
    before: Path


@pytest.fixture(scope="session")
def parts() -> Parts:
    """CPython and psutil for Windows."""
    for name in _TOOLS:
        needs.tool(name)
    try:
        return fetch()
    except PackagingError as error:
        needs.missing(str(error))


@pytest.fixture(scope="session")
def built(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Both packages."""
    place = tmp_path_factory.mktemp("windows")
    out = place / "dist"
    build(out, __version__)
    build(place / "before", BEFORE)
    lay(parts, place / "folder", work=place / "work")
    shutil.rmtree(place / "work")
    return Built(out, place / "folder", next(out.glob("*.msi")), next((place / "before").glob("*.msi")))


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    """A Windows, switched on."""
    made = Wine(tmp_path_factory.mktemp("wine") / "windows")
    yield made
    made.end()
