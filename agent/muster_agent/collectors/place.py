"""Where the device belongs, as the directory it is joined to knows; never whom. Absent where no directory tells."""

from __future__ import annotations

from typing import Any

from muster_agent.machine import Machine


def collect(machine: Machine) -> dict[str, Any] | None:
    """The section `place`."""
    if machine.system != "windows":
        return None
    from muster_agent.sources.windows.about import read_place

    return read_place(machine)
