"""`python agent/packaging/windows/build.py --out dist`: see `muster_msi.making`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "shared"))

from muster_msi.making import main

if __name__ == "__main__":
    main()
