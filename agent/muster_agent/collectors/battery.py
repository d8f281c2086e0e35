"""The wear of the device's own battery packs; absent on devices without one."""

from __future__ import annotations

from typing import Any

from muster_agent.machine import Machine
from muster_agent.sources.power_supply import read_packs


def collect(machine: Machine) -> dict[str, Any] | None:
    """The section `battery`."""
    packs = read_packs(machine)
    return {"packs": packs[:8]} if packs else None
