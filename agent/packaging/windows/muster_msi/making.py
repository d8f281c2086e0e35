"""All that is made for Windows: the MSI, its list of files, and the Group Policy templates.

With --key and --certificate everything that can be signed is, inside the package and out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from ingredients import PackagingError
from muster_agent import __version__
from muster_msi import signing
from muster_msi.allowed import listed
from muster_msi.folder import lay
from muster_msi.package import make
from muster_msi.parts import fetch
from muster_msi.policy import written


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Builds the Windows package of the agent.")
    parser.add_argument("--out", type=Path, default=Path("dist"), help="where it goes; default: dist")
    parser.add_argument("--key", type=Path, help="PEM file of the private key to sign with")
    parser.add_argument("--certificate", type=Path, help="PEM file of its certificate, and those above it")
    parser.add_argument("--timestamp", help="address of a time stamping service, so that signatures outlive it")
    arguments = parser.parse_args()
    try:
        key = _key(arguments)
        made = build(arguments.out, __version__, key=key)
    except PackagingError as error:
        sys.exit(f"The Windows package was not made: {error}")
    for path in made:
        print(path)


def _key(arguments: argparse.Namespace) -> signing.Key | None:
    if arguments.key is None and arguments.certificate is None:
        return None
    for path in (arguments.key, arguments.certificate):
        if path is None or not path.is_file():
            raise PackagingError("to sign it, KEY and CERTIFICATE must name PEM files.")
    return signing.Key(arguments.key, arguments.certificate, arguments.timestamp)


def build(out: Path, version: str, *, key: signing.Key | None = None) -> list[Path]:
    """Make everything; gives the files made. Raises PackagingError."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="muster-msi-") as name:
        work = Path(name)
        lay(fetch(), work / "agent", work=work / "work")
        package = work / f"muster-agent-{version}-x64.msi"
        if key is not None:
            signing.sign_folder(work / "agent", key)
        make(work / "agent", version, work=work, to=package)
        if key is not None:
            signing.sign(package, key, description="Muster agent")
        made = {package.name: package.read_bytes(), "muster-agent-windows-files.csv": listed(work / "agent").encode()}
    for path, text in written().items():
        made[path] = text.encode("utf-8")
    for path, content in made.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_bytes(content)
    return [out / path for path in made]
