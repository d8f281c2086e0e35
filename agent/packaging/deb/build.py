"""`python agent/packaging/deb/build.py --out dist`: the agent as a Debian package.

It depends on Debian's own Python (3.11 or later) and carries psutil, pinned by hash in requirements/agent.txt. Two
builds of one commit give the same bytes. Enters: this checkout, pip's settings. Leaves: muster-agent_VERSION_amd64.deb.
"""

from __future__ import annotations

import argparse
import email.utils
import gzip
import hashlib
import os
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "shared"))

import ingredients  # noqa: E402 - found beside this script
from ingredients import ROOT, PackagingError  # noqa: E402

ARCHITECTURE = "amd64"
_MAINTAINER = "The Muster authors <muster@muster.invalid>"
_WHEEL_PLATFORM = "manylinux_2_28_x86_64"  # glibc 2.28: Debian 10 and later
_LIBRARY = "usr/lib/muster-agent"
_PLACES = {
    "systemd/muster-agent.service": "usr/lib/systemd/system",
    "systemd/muster-agent-facts.service": "usr/lib/systemd/system",
    "systemd/muster-agent-facts.timer": "usr/lib/systemd/system",
    "deb/config.toml": "usr/share/muster-agent",
}
# Isolated: neither the environment nor the current folder decides what is loaded.
_COMMAND = f"""#!/usr/bin/python3 -I
import sys

sys.path.insert(0, "/{_LIBRARY}")

from muster_agent.__main__ import main

main()
"""
_CONTROL = """Package: muster-agent
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Installed-Size: {kibibytes}
Depends: python3 (>= 3.11), systemd (>= 252), libc6 (>= 2.28)
Section: admin
Priority: optional
Description: measures how ready this device is for work, and reports to Muster
 A small service without rights of its own that measures how long a start
 of this device takes and what slowed it, how hard it works, how worn it is
 and how old its software is. It can only read: no command can reach it. It
 reports to the Muster server named in /etc/muster-agent/config.toml.
"""
_CHANGELOG = """muster-agent ({version}) stable; urgency=medium

  * See CHANGELOG.md beside this file.

 -- {maintainer}  {day}
"""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Builds the Debian package of the agent.")
    parser.add_argument("--out", type=Path, default=Path("dist"), help="where it goes; default: dist")
    parser.add_argument("--version", help="of the package and the agent in it; default: this checkout's")
    parser.add_argument("--maintainer", default=_MAINTAINER, help="who answers for it; default: %(default)s")
    arguments = parser.parse_args()
    about = {"version": arguments.version or ingredients.version(), "maintainer": arguments.maintainer}
    try:
        print(build(arguments.out, about))
    except PackagingError as error:
        sys.exit(f"The Debian package was not made: {error}")


def build(out: Path, about: dict[str, str]) -> Path:
    """Make the package; `about` has its version and maintainer. Gives its path; raises PackagingError."""
    version = about["version"]
    if not re.fullmatch(r"[0-9][0-9A-Za-z.+~]*", version):
        raise PackagingError(f"{version!r} is no version of a Debian package: write digits and dots, like 1.4.0.")
    dpkg_deb = ingredients.tool("dpkg-deb", "dpkg")
    made_at = ingredients.made_at()
    package = out.resolve() / f"muster-agent_{version}_{ARCHITECTURE}.deb"
    package.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="muster-deb-") as name:
        tree = Path(name) / "tree"
        _lay(tree, {**about, "day": email.utils.formatdate(made_at)})
        _describe(tree, about)
        for path in sorted(tree.rglob("*"), reverse=True):
            os.utime(path, (made_at, made_at))
        os.utime(tree, (made_at, made_at))
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(made_at)}
        ingredients.run(
            [dpkg_deb, "--root-owner-group", "-Zxz", "--build", str(tree), str(package)], environment=environment
        )
    return package


def _lay(tree: Path, about: dict[str, str]) -> None:
    """Every file that the package installs."""
    library = tree / _LIBRARY
    shutil.copytree(
        ROOT / "agent" / "muster_agent", library / "muster_agent", ignore=shutil.ignore_patterns("*.pyc", "__pycache__")
    )
    named = library / "muster_agent" / "__init__.py"
    named.write_text(re.sub(r'(?<=__version__ = ").*(?=")', about["version"], named.read_text("utf-8")), "utf-8")
    with zipfile.ZipFile(ingredients.psutil_wheel(_WHEEL_PLATFORM, "manylinux*x86_64")) as wheel:
        wheel.extractall(library)
    for source, place in _PLACES.items():
        _put(tree / place / Path(source).name, (HERE.parent / source).read_bytes())
    group = (HERE.parent / "systemd" / "muster-agent-facts.sysusers.conf").read_bytes()
    _put(tree / "usr/lib/sysusers.d/muster-agent-facts.conf", group)
    _put(tree / "usr/bin/muster-agent", _COMMAND.encode(), mode=0o755)
    documents = tree / "usr/share/doc/muster-agent"
    _put(documents / "copyright", (ROOT / "LICENSE").read_bytes())
    _put(documents / "changelog.gz", gzip.compress(_CHANGELOG.format(**about).encode(), 9, mtime=0))
    _put(documents / "CHANGELOG.md", (ROOT / "CHANGELOG.md").read_bytes())
    for path in tree.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)


def _describe(tree: Path, about: dict[str, str]) -> None:
    """DEBIAN/: what dpkg is told of the package, and what it runs."""
    files = [path for path in sorted(tree.rglob("*")) if path.is_file()]
    kibibytes = sum(-(-path.stat().st_size // 1024) for path in files)
    sums = "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n" for path in files)  # noqa: S324 - dpkg's format
    control = _CONTROL.format(**about, architecture=ARCHITECTURE, kibibytes=kibibytes)
    _put(tree / "DEBIAN/control", control.encode())
    _put(tree / "DEBIAN/md5sums", sums.encode())
    for name in ("postinst", "prerm", "postrm"):
        _put(tree / "DEBIAN" / name, (HERE / name).read_bytes(), mode=0o755)
    (tree / "DEBIAN").chmod(0o755)


def _put(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


if __name__ == "__main__":
    main()
