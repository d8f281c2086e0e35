"""The built wheel, installed beside psutil alone, is a whole agent; with the server's libraries a whole server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(directory.glob("muster_estate-*.whl"))


def test_the_wheel_holds_all_that_a_server_needs(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "server" / "muster_server"
    wanted = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]

    assert {f"muster_server/{path.relative_to(package)}" for path in wanted} <= held
    assert not [name for name in held if name.startswith(("tests/", "agent/", "server/"))]


def test_with_psutil_alone_the_wheel_is_an_agent(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    psutil_alone = tmp_path / "libraries"
    psutil_alone.mkdir()
    (psutil_alone / "psutil").symlink_to(Path(psutil.__file__).parent)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{tmp_path}:{psutil_alone}"}

    show = [sys.executable, "-S", "-s", "-m", "muster_agent", "show"]
    shown = subprocess.run(show, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)

    report = json.loads(shown.stdout)["reports"][0]
    assert report["outcomes"]["system"]["outcome"] == "ok"
