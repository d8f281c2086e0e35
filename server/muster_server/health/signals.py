"""Signals: the facts of one device as one row of values, each with its sample count and the date of its newest fact.

Pure. Enters: what the store knows of a device. Leaves: a row of `signals`, where null means not known, never zero and
never healthy.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

import msgspec

from muster_server.catalogue.eol import data_on, standing
from muster_server.catalogue.systems import licensed_days, match
from muster_server.clock import DAY_MS, to_datetime
from muster_server.encoding import canonical
from muster_server.fold.minutes import WAIT, Shortage, observed, short_of_memory, tables_of
from muster_server.health import windows11
from muster_server.health.waiting import sign_in_signals, start_signals, stop_signals
from muster_server.ingest.sections import Hardware, Pack, System

_packs = msgspec.json.Decoder(list[Pack])
_LONG_WAITS = slice(6, None)  # an operation took 50 ms and more on average


@dataclass(frozen=True)
class DeviceInput:
    """What the store knows of one device. Rows are dicts as stored; `sections` maps a name to (fact_at, body)."""

    device_id: int
    starts: list[dict[str, Any]] = field(default_factory=list)
    sign_ins: list[dict[str, Any]] = field(default_factory=list)
    days: list[dict[str, Any]] = field(default_factory=list)
    sections: dict[str, tuple[int, str]] = field(default_factory=dict)
    outcomes: dict[str, dict[str, Any]] = field(default_factory=dict)
    reported_at: int | None = None


def signals_of(device: DeviceInput, *, as_of: int, window_days: int) -> dict[str, Any]:
    """The signals of one device as of an instant (epoch ms)."""
    window_from = as_of - window_days * DAY_MS
    hardware, system = _section(device, "hardware", kind=Hardware), _section(device, "system", kind=System)
    starts = [start for start in device.starts if start["zero_at"] >= window_from]
    recent = [day for day in device.days if day["day_at"] >= window_from]
    active = [day for day in device.days if day["minutes"] and observed(day["minutes"])]
    return {
        "device_id": device.device_id,
        "as_of": as_of,
        **start_signals(starts),
        **stop_signals(starts),
        **sign_in_signals([each for each in device.sign_ins if each["at"] >= window_from]),
        **_memory_signals(recent, hardware),
        **_disk_signals(recent),
        **_disk_wait_signals(recent),
        **_hardware_signals(device, hardware, system=system),
        **_system_signals(device, system, as_of=as_of),
        **_battery_signals(device, as_of),
        "active_days_90": len([day for day in active if day["day_at"] >= as_of - 90 * DAY_MS]),
        "days_silent": None if device.reported_at is None else (as_of - device.reported_at) / DAY_MS,
        "reported_at": device.reported_at,
    }


def _memory_signals(days: list[dict[str, Any]], hardware: Hardware | None) -> dict[str, Any]:
    known = [day for day in days if day["minutes"] and observed(day["minutes"]) and tables_of(day["minutes"])]
    found = short_of_memory(day["minutes"] for day in known) or Shortage(0, 0, None)
    committed = found.committed
    return {
        "memory_short_ratio": found.short / found.minutes if found.minutes else None,
        "memory_commit_ratio": committed / found.minutes if found.minutes and committed is not None else None,
        "memory_days": len(known),
        "memory_newest_at": max((day["day_at"] + DAY_MS for day in known), default=None),
        "memory_bytes": hardware.memory_bytes if hardware else None,
    }


def _disk_signals(days: list[dict[str, Any]]) -> dict[str, Any]:
    known = sorted((day for day in days if day["disk_total_bytes"]), key=lambda day: day["day_at"])
    free = [day["disk_free_bytes"] for day in known[-3:]]
    median = round(statistics.median(free)) if free else None
    return {
        "disk_free_ratio": median / known[-1]["disk_total_bytes"] if median is not None else None,
        "disk_free_bytes": median,
        "disk_samples": len(known),
        "disk_newest_at": known[-1]["read_at"] if known else None,
    }


def _disk_wait_signals(days: list[dict[str, Any]]) -> dict[str, Any]:
    waits = [day["minutes"][WAIT] for day in days if day["minutes"] and sum(day["minutes"].get(WAIT, ()))]
    minutes = sum(map(sum, waits))
    return {
        "disk_wait_ratio": sum(sum(levels[_LONG_WAITS]) for levels in waits) / minutes if minutes else None,
        "disk_wait_days": len(waits),
    }


def _hardware_signals(device: DeviceInput, hardware: Hardware | None, *, system: System | None) -> dict[str, Any]:
    drive = next((drive for drive in hardware.drives if drive.system), None) if hardware else None
    known = drive is not None and drive.kind != "unknown"
    checks = windows11.checks(hardware, system)
    return {
        "system_drive_kind": drive.kind if drive is not None and known else None,
        "system_drive_newest_at": device.sections["hardware"][0] if known else None,
        "system_drive_wear_ratio": drive.wear_percent / 100 if drive and drive.wear_percent is not None else None,
        "system_drive_failing": drive.failing if drive else None,
        "windows11": windows11.whole(checks) if checks else None,
        "windows11_checks": canonical({check.name: check.result for check in checks}) if checks else None,
    }


def _system_signals(device: DeviceInput, system: System | None, *, as_of: int) -> dict[str, Any]:
    today = to_datetime(as_of).date()
    found = match(system) if system else None
    stands = standing(found.cycle, today) if found and found.cycle else None
    licensed = licensed_days(system, today) if system and stands and stands.extended_days is not None else None
    held = None if licensed is None else licensed >= 0
    newer = found is not None and found.cycle is None
    return {
        "os_cycle": f"{found.product} {found.version}" if found else None,
        "os_support": "newer_than_data" if newer else (stands.support if stands else None),
        "os_support_days": stands.days if stands else None,
        "os_support_ends_on": stands.ends_on if stands else None,
        "os_extended_days": licensed if held else (stands.extended_days if stands else None),
        "os_extended_held": held,
        "os_extended_free": found.extension_is_free if found else None,
        "os_data_on": data_on() if found else None,
        "os_newest_at": device.sections["system"][0] if system else None,
    }


def _battery_signals(device: DeviceInput, as_of: int) -> dict[str, Any]:
    readings = [
        (day["read_at"], ratio, cycles)
        for day in device.days
        if day["battery"] and day["day_at"] >= as_of - 90 * DAY_MS
        for ratio, cycles in [_wear(_packs.decode(day["battery"]))]
        if ratio is not None
    ]
    present = True if "battery" in device.sections else None
    if present is None and device.outcomes.get("battery", {}).get("outcome") == "absent":
        present = False
    newest_at = max((at for at, _, _ in readings), default=None)
    return {
        "battery_present": present,
        "battery_health_ratio": statistics.median(ratio for _, ratio, _ in readings) if readings else None,
        "battery_cycles": max((cycles for _, _, cycles in readings if cycles is not None), default=None),
        "battery_days": len(readings),
        "battery_newest_at": device.reported_at if present is False else newest_at,
    }


def _wear(packs: list[Pack]) -> tuple[float | None, int | None]:
    """Full charge over design of the weakest pack, and the most cycles of any."""
    ratios = [pack.full / pack.design for pack in packs if pack.full is not None and pack.design]
    cycles = [pack.cycles for pack in packs if pack.cycles is not None]
    return min(ratios, default=None), max(cycles, default=None)


def _section(device: DeviceInput, name: str, *, kind: type[Any]) -> Any:
    found = device.sections.get(name)
    return None if found is None else msgspec.json.decode(found[1], type=kind)
