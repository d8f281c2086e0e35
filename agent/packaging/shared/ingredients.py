"""What packages need: psutil's pinned wheel, the version, and one time for all files, so that builds are alike."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_TRIES = 3
_BETWEEN_SECONDS = 5.0


class PackagingError(Exception):
    """A package could not be made; the text says what to do."""


def version() -> str:
    """The version of this checkout, as the agent tells it."""
    about = (ROOT / "agent" / "muster_agent" / "__init__.py").read_text("utf-8")
    return about.split('__version__ = "')[1].split('"')[0]


def made_at() -> int:
    """When this commit was made, in seconds since 1970; SOURCE_DATE_EPOCH goes before it."""
    named = os.environ.get("SOURCE_DATE_EPOCH")
    asked = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(named or asked.stdout or 0)


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


def psutil_wheel(platform: str, fits: str) -> Path:
    """The wheel that requirements/agent.txt pins, from the cache or from pip.

    `platform` is pip's word for the system, `fits` a pattern of what stands in its name. Raises PackagingError.
    """
    wheels, pinned = cache() / "wheels", ROOT / "requirements" / "agent.txt"
    named = f"psutil-{pinned.read_text('utf-8').split('==')[1].split()[0]}"
    if not [*wheels.glob(f"{named}-*{fits}*.whl")]:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        where = ["--platform", platform, "--python-version", "3.11", "--dest", str(wheels)]
        try_hard([*download, *where, "--require-hashes", "-r", str(pinned)], f"{named} for {platform}")
    (found,) = wheels.glob(f"{named}-*{fits}*.whl")
    if f"sha256:{digest(found)}" not in pinned.read_text("utf-8"):
        found.unlink()
        raise PackagingError(f"{found.name} is not the wheel that {pinned.name} pins: build again.")
    return found


def try_hard(command: list[str], what: str) -> None:
    """Run what brings a part over a network that may fail for a moment; raises PackagingError."""
    for number in range(1, _TRIES + 1):
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode == 0:
            return
        if number < _TRIES:
            time.sleep(_BETWEEN_SECONDS * number)
    said = (done.stdout + done.stderr).strip().splitlines()
    raise PackagingError(f"{what} could not be had in {_TRIES} tries: {said[-1] if said else 'no reason given'}")


def digest(path: Path) -> str:
    """SHA-256 of a file in hex; empty when there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run(command: list[str], *, environment: dict[str, str] | None = None) -> None:
    """Run a program; raises PackagingError with what it said."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackagingError(f"{' '.join(command[:4])} …: {done.stderr.strip() or done.stdout.strip()}")
