"""What packages need: psutil's pinned wheel, the version, and one time for all files, so that builds are alike."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


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


def psutil_wheel(platform: str, fits: str) -> Path:
    """The wheel that requirements/agent.txt pins, from the cache or from pip.

    `platform` is pip's word for the system, `fits` a pattern of what stands in its name. Raises PackagingError.
    """
    named = os.environ.get("XDG_CACHE_HOME")
    cache = (Path(named) if named else Path.home() / ".cache") / "muster-packages" / "wheels"
    pinned = ROOT / "requirements" / "agent.txt"
    wanted = f"psutil-{pinned.read_text('utf-8').split('==')[1].split()[0]}-*{fits}*.whl"
    if not [*cache.glob(wanted)]:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        where = ["--platform", platform, "--python-version", "3.11", "--dest", str(cache)]
        run([*download, *where, "--require-hashes", "-r", str(pinned)])
    (found,) = cache.glob(wanted)
    if hashlib.sha256(found.read_bytes()).hexdigest() not in pinned.read_text("utf-8"):
        raise PackagingError(f"{found} is not the wheel that {pinned.name} pins: remove it and build again.")
    return found


def run(command: list[str], *, environment: dict[str, str] | None = None) -> None:
    """Run a program; raises PackagingError with what it said."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackagingError(f"{' '.join(command[:4])} …: {done.stderr.strip() or done.stdout.strip()}")
