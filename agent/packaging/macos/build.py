"""`python agent/packaging/macos/build.py --out dist`: the agent for Macs, as an archive with an installer in it.

It carries psutil for both processors, pinned by hash, and needs a Python on the Mac. A flat .pkg is not made: nothing
that builds its bill of materials runs outside macOS. Two builds of one commit give the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import io
import sys
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "shared"))

from ingredients import ROOT, PackagingError, made_at, psutil_wheel, version  # noqa: E402 - found beside this script

# What uname(1) says on a Mac, and pip's word for it.
_PLATFORMS = {"arm64": "macosx_11_0_arm64", "x86_64": "macosx_10_9_x86_64"}
_START = b"""import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from muster_agent.__main__ import main

main()
"""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Builds the package of the agent for macOS.")
    parser.add_argument("--out", type=Path, default=Path("dist"), help="where it goes; default: dist")
    try:
        print(build(parser.parse_args().out))
    except PackagingError as error:
        sys.exit(f"The package for macOS was not made: {error}")


def build(out: Path) -> Path:
    """Make the archive; gives its path. Raises PackagingError."""
    folder = f"muster-agent-{version()}-macos"
    files = {name: (HERE / name).read_bytes() for name in ("install.sh", "uninstall.sh", "muster.agent.plist")}
    files["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    for machine, platform in _PLATFORMS.items():
        files.update({f"lib-{machine}/{name}": content for name, content in _library(machine, platform).items()})
    out.mkdir(parents=True, exist_ok=True)
    made, packed = out / f"{folder}.tar.gz", io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime = len(content), made_at()
            entry.mode = 0o755 if name.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(content))
    made.write_bytes(gzip.compress(packed.getvalue(), 9, mtime=0))
    return made


def _library(machine: str, platform: str) -> dict[str, bytes]:
    """The agent, psutil for one processor, and what starts them."""
    source = ROOT / "agent"
    files = {str(path.relative_to(source)): path.read_bytes() for path in source.rglob("muster_agent/**/*.py")}
    with zipfile.ZipFile(psutil_wheel(platform, f"macosx*{machine}")) as wheel:
        files.update({name: wheel.read(name) for name in wheel.namelist() if not name.endswith("/")})
    return {**files, "start.py": _START}


if __name__ == "__main__":
    main()
