"""Batteries as Linux shows them under /sys/class/power_supply; energies in µWh, charges in µAh."""

from __future__ import annotations

from muster_agent.machine import Machine
from muster_agent.sources.plain import short_text, whole_number

_STATES = {"charging": "charging", "discharging": "discharging", "full": "full", "not charging": "not_charging"}
_FILES = ("energy_full_design", "energy_full", "charge_full_design", "charge_full", "cycle_count", "capacity",
          "charge_control_end_threshold", "status")  # fmt: skip
_MOST_MICRO = 10**12  # a megawatt-hour: no pack holds it
_MOST_CYCLES = 100_000
_MOST_PERCENT = 200  # worn packs are seen to overshoot 100


def read_packs(machine: Machine) -> list[dict[str, object]]:
    """Packs that power the device itself, not a mouse or a headset."""
    packs = []
    for name in machine.names_in("/sys/class/power_supply"):
        base = f"/sys/class/power_supply/{name}"
        kind, scope = machine.read_or_none(f"{base}/type"), machine.read_or_none(f"{base}/scope")
        if kind == "Battery" and scope != "Device" and machine.read_or_none(f"{base}/present") != "0":
            packs.append(parse_pack(name, {n: machine.read_or_none(f"{base}/{n}") for n in _FILES}))
    return packs


def parse_pack(name: str, values: dict[str, str | None]) -> dict[str, object]:
    """One pack; a zero where a pack cannot be empty means that the firmware does not know."""

    def amount(key: str) -> float | None:
        found = whole_number(values.get(key), _MOST_MICRO)
        return found / 1e6 if found else None

    kind, unit = ("energy", "Wh") if amount("energy_full_design") else ("charge", "Ah")
    limit = whole_number(values.get("charge_control_end_threshold"), 100)
    design = amount(f"{kind}_full_design")
    return {
        "name": short_text(name, 64) or "pack",
        "unit": unit if design else None,
        "design": design,
        "full": amount(f"{kind}_full"),
        "cycles": whole_number(values.get("cycle_count"), _MOST_CYCLES) or None,
        "charge_percent": whole_number(values.get("capacity"), _MOST_PERCENT),
        # A hundred is no limit.
        "charge_limit_percent": limit if limit and limit < 100 else None,
        "state": _STATES.get((values.get("status") or "").lower(), "unknown"),
    }
