"""What is built for devices and servers: the wheel, the Debian package, the agent as one file.

How the Debian package behaves in a Debian is in tests/system/test_deb.py.
"""

from __future__ import annotations

import json
import os
import plistlib
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import psutil
import pytest

from muster_agent.config import Settings

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
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(tmp_path)], check=True)
    psutil_alone = tmp_path / "libraries"
    psutil_alone.mkdir()
    (psutil_alone / "psutil").symlink_to(Path(psutil.__file__).parent)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{tmp_path}:{psutil_alone}"}

    show = [sys.executable, "-S", "-s", "-m", "muster_agent", "show"]
    shown = subprocess.run(show, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)

    report = json.loads(shown.stdout)["reports"][0]
    assert report["outcomes"]["system"]["outcome"] == "ok"


def build(kind: str, out: Path, *options: str) -> Path:
    command = [sys.executable, str(ROOT / "agent/packaging" / kind / "build.py"), "--out", str(out), *options]
    return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


@pytest.mark.parametrize("kind", ["deb", "macos", "zipapp"])
def test_two_builds_give_the_same_bytes(kind: str, tmp_path: Path) -> None:
    first, second = build(kind, tmp_path / "first"), build(kind, tmp_path / "second")

    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_the_debian_package_carries_the_agent_and_the_pinned_psutil(tmp_path: Path) -> None:
    package = build("deb", tmp_path, "--version", "3.2.1", "--maintainer", "ICT <ict@force.invalid>")

    field = ["dpkg-deb", "--field", str(package), "Version", "Maintainer", "Depends"]
    told = subprocess.run(field, check=True, capture_output=True, text=True).stdout
    assert told.splitlines()[:2] == ["Version: 3.2.1", "Maintainer: ICT <ict@force.invalid>"]
    subprocess.run(["dpkg-deb", "--extract", str(package), str(tmp_path / "root")], check=True)
    library = tmp_path / "root/usr/lib/muster-agent"
    pinned = (ROOT / "requirements/agent.txt").read_text().split("==")[1].split()[0]
    assert (library / f"psutil-{pinned}.dist-info").is_dir()
    ask = f"import sys; sys.path[:0] = [{str(library)!r}]; import muster_agent as m, psutil as p"
    run = [sys.executable, "-I", "-c", f"{ask}; print(m.__version__, p.__file__)"]
    shown = subprocess.run(run, check=True, capture_output=True, text=True).stdout.split()
    assert shown == ["3.2.1", str(library / "psutil/__init__.py")]


def test_a_version_that_dpkg_would_refuse_is_an_error_that_says_what_to_write(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "agent/packaging/deb/build.py"), "--out", str(tmp_path), "--version", "v1 x"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 1
    assert "'v1 x' is no version of a Debian package: write digits and dots, like 1.4.0." in done.stderr


def test_the_settings_that_the_debian_package_lays_out_are_all_of_them_with_their_defaults() -> None:
    text = (ROOT / "agent/packaging/deb/config.toml").read_text("utf-8")
    laid_out = tomllib.loads("\n".join(re.findall(r"^# (\w+ = .*)$", text, re.MULTILINE)))

    assert tomllib.loads(text) == {}
    assert laid_out == Settings()._asdict()


def test_the_agent_as_one_file_shows_this_machine(tmp_path: Path) -> None:
    made = build("zipapp", tmp_path)

    shown = subprocess.run([sys.executable, str(made), "show"], check=True, capture_output=True, text=True).stdout
    assert json.loads(shown)["reports"][0]["outcomes"]["system"]["outcome"] == "ok"
    without = subprocess.run(
        [sys.executable, "-I", "-S", str(made), "show"], check=False, capture_output=True, text=True
    )
    assert without.returncode == 1
    assert without.stderr.startswith("psutil is not installed: apt-get install python3-psutil")


def test_the_archive_for_macs_holds_all_that_its_installer_lays_out(tmp_path: Path) -> None:
    with tarfile.open(build("macos", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(tmp_path, filter="data")

    (folder,) = tmp_path.glob("muster-agent-*-macos")
    for machine in ("arm64", "x86_64"):
        library = f"lib-{machine}"
        assert {f"{library}/start.py", f"{library}/muster_agent/__main__.py", f"{library}/psutil/__init__.py"} <= names
        # Mach-O, as file(1) knows it, or a fat one.
        assert (folder / library / "psutil/_psutil_osx.abi3.so").read_bytes()[:4] in (
            b"\xcf\xfa\xed\xfe",
            b"\xca\xfe\xba\xbe",
        )
    for script in ("install.sh", "uninstall.sh"):
        subprocess.run(["sh", "-n", str(folder / script)], check=True)
    unit = plistlib.loads((folder / "muster.agent.plist").read_bytes())
    assert unit["ProgramArguments"][1] == "run"
    assert unit["ProgramArguments"][0] == "/Library/Application Support/Muster/bin/muster-agent"
    assert (unit["ProcessType"], unit["LowPriorityIO"], unit["KeepAlive"]) == (
        "Background",
        True,
        {"SuccessfulExit": False},
    )


def test_what_starts_the_agent_on_a_mac_finds_it_beside_itself_alone(tmp_path: Path) -> None:
    with tarfile.open(build("macos", tmp_path)) as archive:
        archive.extractall(tmp_path, filter="data")
    (library,) = tmp_path.glob("muster-agent-*-macos/lib-x86_64")
    for path in library.glob("psutil/*.so"):
        path.unlink()
    (library / "psutil").rename(library / "not-for-linux")
    (library / "psutil").symlink_to(Path(psutil.__file__).parent)

    shown = subprocess.run(
        [sys.executable, "-I", str(library / "start.py"), "--version"], check=True, capture_output=True, text=True
    )

    assert shown.stdout.startswith("muster-agent ")
