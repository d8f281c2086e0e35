"""Installed software by title and version; absent where no package system that we read is in use."""

from __future__ import annotations

from itertools import islice
from typing import Any

from muster_agent.machine import Machine

MOST_TITLES = 4_000


def collect(machine: Machine) -> dict[str, Any] | None:
    """The section `software`."""
    if machine.system == "windows":
        from muster_agent.sources.windows.software import read_titles
    elif machine.exists("/var/lib/dpkg/status"):
        from muster_agent.sources.dpkg import read_titles
    else:
        return None
    titles = read_titles(machine)
    return {"titles": list(islice(titles, MOST_TITLES)), "more_titles": sum(1 for _ in titles)}
