"""`python agent/packaging/windows/build.py --out dist`: see `muster_msi.making`."""

from __future__ import annotations

from muster_msi.making import main

if __name__ == "__main__":
    main()
