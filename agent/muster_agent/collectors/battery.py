"""The wear of the device's own battery packs; absent on devices without one."""

from __future__ import annotations

from typing import Any

from muster_agent.machine import Machine


def collect(machine: Machine) -> dict[str, Any] | None:
    """The section `battery`."""
    packs = own_packs(machine)
    return {"packs": packs[:8]} if packs else None


def own_packs(machine: Machine) -> list[dict[str, object]]:
    """Packs that power the device itself, as the wire wants them."""
    if machine.system == "windows":
        from muster_agent.sources.windows.batteries import read_packs
    elif machine.system == "macos":
        from muster_agent.sources.macos.plists import read_packs
    else:
        from muster_agent.sources.power_supply import read_packs
    return read_packs(machine)
