"""`python agent/packaging/zipapp/build.py --out dist`: the agent as one file, for a device where psutil is installed.

`python3 muster-agent.pyz show` runs it. Two builds of one commit give the same bytes.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_MADE = (1980, 1, 1, 0, 0, 0)  # the oldest that a zip can tell: the same in every build
_MAIN = """import sys

try:
    import psutil
except ImportError:
    sys.exit("psutil is not installed: apt-get install python3-psutil, or pip install psutil.")
from muster_agent.__main__ import main

main()
"""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Builds the agent as one file that Python runs.")
    parser.add_argument("--out", type=Path, default=Path("dist"), help="where it goes; default: dist")
    print(build(parser.parse_args().out))


def build(out: Path) -> Path:
    """Make the file; gives its path."""
    out.mkdir(parents=True, exist_ok=True)
    made = out / "muster-agent.pyz"
    source = ROOT / "agent"
    modules = {str(path.relative_to(source)): path.read_text("utf-8") for path in source.rglob("muster_agent/**/*.py")}
    with made.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in sorted({"__main__.py": _MAIN, **modules}.items()):
                archive.writestr(zipfile.ZipInfo(name, _MADE), text, zipfile.ZIP_DEFLATED)
    made.chmod(0o755)
    return made


if __name__ == "__main__":
    main()
