"""Batteries as Linux shows them under /sys/class/power_supply; energies in µWh, charges in µAh."""

from __future__ import annotations

from muster_agent.machine import Machine

_STATES = {"charging": "charging", "discharging": "discharging", "full": "full", "not charging": "not_charging"}


def read_packs(machine: Machine) -> list[dict[str, object]]:
    """Packs that power the device itself, not a mouse or a headset."""
    packs = []
    for name in machine.names_in("/sys/class/power_supply"):
        base = f"/sys/class/power_supply/{name}"
        kind, scope = machine.read_or_none(f"{base}/type"), machine.read_or_none(f"{base}/scope")
        if kind == "Battery" and scope != "Device" and machine.read_or_none(f"{base}/present") != "0":
            packs.append(parse_pack(name, {n: machine.read_or_none(f"{base}/{n}") for n in _FILES}))
    return packs


_FILES = ("energy_full_design", "energy_full", "charge_full_design", "charge_full", "cycle_count", "capacity", "status")


def parse_pack(name: str, values: dict[str, str | None]) -> dict[str, object]:
    """One pack; a zero where a pack cannot be empty means that the firmware does not know."""
    numbers = {key: int(value) for key, value in values.items() if value and value.isascii() and value.isdigit()}
    kind, unit = ("energy", "Wh") if numbers.get("energy_full_design") else ("charge", "Ah")
    design, full = numbers.get(f"{kind}_full_design"), numbers.get(f"{kind}_full")
    return {
        "name": name[:64],
        "unit": unit if design else None,
        "design": design / 1e6 if design else None,
        "full": full / 1e6 if full else None,
        "cycles": numbers.get("cycle_count") or None,
        "charge_percent": numbers.get("capacity"),
        "state": _STATES.get((values.get("status") or "").lower(), "unknown"),
    }
