"""Batteries by their class driver (poclass.h). Enters: a machine. Leaves: packs as the wire wants them.

A reading is raw: `parse_…` is pure. A pack of a mouse or a UPS is not the device's own.
"""

from __future__ import annotations

import struct

from muster_agent.machine import Machine

_TAG, _INFORMATION, _STATUS = 0x294040, 0x294044, 0x29404C  # IOCTL_BATTERY_QUERY_…
_SYSTEM, _RELATIVE, _SHORT_TERM = 0x8000_0000, 0x4000_0000, 0x2000_0000  # Capabilities
_UNKNOWN, _MOST_MILLIWATT_HOURS, _MOST_CYCLES = 0xFFFF_FFFF, 1_000_000, 20_000
_ON_LINE, _DISCHARGING, _CHARGING = 0x1, 0x2, 0x4  # PowerState
_MOST_PACKS = 8


def read_packs(machine: Machine) -> list[dict[str, object]]:
    """Packs that power the device itself."""
    packs = []
    for place, path in enumerate(machine.windows.batteries()[:_MOST_PACKS]):
        try:
            tag = machine.windows.control(path, _TAG, request=bytes(4), room=4)
            asked = tag.ljust(4, b"\0")
            information = machine.windows.control(path, _INFORMATION, request=asked + bytes(8), room=36)
            status = machine.windows.control(path, _STATUS, request=asked + bytes(16), room=16)
        except OSError:
            continue  # an empty bay
        pack = parse_pack(information, status)
        if pack is not None:
            packs.append({"name": f"battery-{place}", **pack})
    return packs


def parse_pack(information: bytes, status: bytes) -> dict[str, object] | None:
    """One pack out of BATTERY_INFORMATION and BATTERY_STATUS; None when it is not the device's own, or damaged.

    A charge without a unit (relative capacities) tells of wear all the same, but not in Wh.
    """
    if len(information) < 36:
        return None
    capabilities, design, full, cycles = struct.unpack_from("<I8xII12xI", information)
    if not capabilities & _SYSTEM or capabilities & _SHORT_TERM:
        return None
    state, charge = struct.unpack_from("<II", status) if len(status) >= 8 else (0, _UNKNOWN)
    known = {n: v for n, v in (("design", design), ("full", full)) if 0 < v <= _MOST_MILLIWATT_HOURS}
    in_watt_hours = not capabilities & _RELATIVE and "design" in known
    share = 100 * charge / full if "full" in known and 0 <= charge <= 2 * full else None
    return {
        "unit": "Wh" if in_watt_hours else None,
        "design": known["design"] / 1000 if in_watt_hours else None,
        "full": known["full"] / 1000 if in_watt_hours and "full" in known else None,
        "cycles": cycles if 0 < cycles <= _MOST_CYCLES else None,
        "charge_percent": None if share is None else round(share, 1),
        "state": _state(state, share),
    }


def _state(flags: int, share: float | None) -> str:
    if flags & _CHARGING:
        return "charging"
    if flags & _DISCHARGING:
        return "discharging"
    if flags & _ON_LINE:
        return "full" if share is not None and share >= 99 else "not_charging"
    return "unknown"
