"""The MSI itself: wixl makes it, msibuild mends it. The same folder and version give the same bytes.

Enters: the install folder and a version. Leaves: one file.
"""

from __future__ import annotations

import hashlib
import subprocess
import uuid
from pathlib import Path

from ingredients import PackagingError, tool
from muster_msi.folder import touch
from muster_msi.tables import Table, mended
from muster_msi.wxs import UPGRADE_CODE, source


def make(folder: Path, version: str, *, work: Path, to: Path) -> None:
    """Write the package of `folder` to `to`; raises PackagingError."""
    touch(folder)
    described = folder.with_suffix(".wxs")  # beside it: wixl takes no whole paths
    described.write_text(source(folder, version), "utf-8")
    to.unlink(missing_ok=True)
    _run([tool("wixl", "wixl"), "--arch", "x64", "--output", str(to), described.name], folder=folder.parent)
    code = uuid.uuid5(UPGRADE_CODE, f"package {_digest(folder, version)}")
    imports = []
    for number, table in enumerate(mended(tables(to), folder, package_code=code)):
        path = work / f"{number:02}.idt"
        path.write_text(table.written(), "utf-8", newline="")
        imports += ["-i", str(path)]
    _run([tool("msibuild", "msitools"), str(to), *imports])


def tables(package: Path) -> dict[str, Table]:
    """Every table of a package."""
    info = tool("msiinfo", "msitools")
    names = _run([info, "tables", str(package)]).split()
    exported = {name: _run([info, "export", str(package), name]) for name in names if name != "_ForceCodepage"}
    return {name: Table.read(text) for name, text in exported.items()}


def _digest(folder: Path, version: str) -> str:
    """Of everything that makes one package differ from another."""
    digest = hashlib.sha256(source(folder, version).encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _run(line: list[str], folder: Path | None = None) -> str:
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        raise PackagingError(f"{Path(line[0]).name} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout
