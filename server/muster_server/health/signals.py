"""Signals: the facts of one device as one row of values, each with its sample count and the date of its newest fact.

Pure. Enters: what the store knows of a device. Leaves: a row of `signals`, where null means not known, never zero and
never healthy.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec

from muster_server.catalogue.eol import data_on, standing
from muster_server.catalogue.systems import match
from muster_server.clock import DAY_MS, to_datetime
from muster_server.fold.minutes import PRESSURE, observed
from muster_server.health.percentile import LEAST_SAMPLES, nearest_rank
from muster_server.ingest.sections import Hardware, Pack, System
from muster_server.ingest.starts import Culprit

# The mark that stands for a start: the first of these with enough samples of one quality, never mixed.
_MARKS = ("to_usable", "to_desktop", "to_settled")
# Starts from nothing. A resume or a soft reboot is another population, shown and not scored.
_SCORED_KINDS = ("full", "fast_startup")
# Rows of the pressure table with under 10 % available memory, columns with 100 and more hard faults a second.
_SHORT_ROWS, _FAULTING_COLUMNS = (0, 1), (2, 3)


@dataclass(frozen=True)
class DeviceInput:
    """What the store knows of one device. Rows are dicts as stored; `sections` maps a name to (fact_at, body)."""

    device_id: int
    starts: list[dict[str, Any]] = field(default_factory=list)
    days: list[dict[str, Any]] = field(default_factory=list)
    sections: dict[str, tuple[int, str]] = field(default_factory=dict)
    outcomes: dict[str, dict[str, Any]] = field(default_factory=dict)
    reported_at: int | None = None


def signals_of(device: DeviceInput, *, as_of: int, window_days: int) -> dict[str, Any]:
    """The signals of one device as of an instant (epoch ms)."""
    window_from = as_of - window_days * DAY_MS
    recent = [day for day in device.days if day["day_at"] >= window_from]
    active = [day for day in device.days if day["minutes"] and observed(day["minutes"])]
    return {
        "device_id": device.device_id,
        "as_of": as_of,
        **_start_signals([start for start in device.starts if start["zero_at"] >= window_from]),
        **_memory_signals(recent, device),
        **_disk_signals(recent),
        **_drive_signals(device),
        **_system_signals(device, as_of),
        **_battery_signals(device, as_of),
        "active_days_90": len([day for day in active if day["day_at"] >= as_of - 90 * DAY_MS]),
        "days_silent": None if device.reported_at is None else (as_of - device.reported_at) / DAY_MS,
        "reported_at": device.reported_at,
    }


def _start_signals(starts: list[dict[str, Any]]) -> dict[str, Any]:
    """The slowest scored kind that has enough samples; else how many samples there are of the best-known one."""
    groups: dict[str, dict[tuple[str, str], list[dict[str, Any]]]] = {kind: defaultdict(list) for kind in _SCORED_KINDS}
    for start in starts:
        if start["kind"] not in _SCORED_KINDS or start["after_update"]:
            continue
        for mark in _MARKS:
            if start[f"{mark}_ms"] is not None:
                groups[start["kind"]][mark, start[f"{mark}_quality"]].append(start)
    candidates = [_one_kind(kind, of_kind) for kind, of_kind in groups.items() if of_kind]
    if not candidates:
        return _start_row(samples=0)
    return max(candidates, key=lambda row: (row["start_median_ms"] or -1, row["start_samples"]))


def _one_kind(kind: str, groups: dict[tuple[str, str], list[dict[str, Any]]]) -> dict[str, Any]:
    quality_rank = {"measured": 2, "own": 1, "estimated": 0}
    for mark in _MARKS:
        of_mark = {quality: starts for (name, quality), starts in groups.items() if name == mark}
        enough = [quality for quality, starts in of_mark.items() if len(starts) >= LEAST_SAMPLES]
        if enough:
            quality = max(enough, key=lambda name: quality_rank.get(name, -1))
            return _start_row(kind=kind, mark=mark, quality=quality, starts=of_mark[quality])
    return _start_row(samples=max(len(starts) for starts in groups.values()))


def _start_row(
    *, samples: int | None = None, starts: list[dict[str, Any]] | None = None, **named: str
) -> dict[str, Any]:
    chosen = starts or []
    mark = named.get("mark")
    values = [start[f"{mark}_ms"] for start in chosen]
    return {
        "start_mark": mark,
        "start_kind": named.get("kind"),
        "start_quality": named.get("quality"),
        "start_median_ms": nearest_rank(values, 0.5),
        "start_p90_ms": nearest_rank(values, 0.9, least=20),
        "start_samples": len(chosen) if samples is None else samples,
        "start_newest_at": max((start["zero_at"] for start in chosen), default=None),
        "start_culprit": _culprit(chosen),
    }


def _culprit(starts: list[dict[str, Any]]) -> str | None:
    """The name that cost most seconds over these starts, if it stands in at least half of them."""
    seconds: Counter[str] = Counter()
    times: Counter[str] = Counter()
    for start in starts:
        for culprit in msgspec.json.decode(start["culprits"] or "[]", type=list[Culprit]):
            seconds[culprit.name] += round(culprit.seconds * 1000)
            times[culprit.name] += 1
    frequent = [name for name, count in times.items() if 2 * count >= len(starts)]
    return max(frequent, key=lambda name: (seconds[name], name), default=None)


def _memory_signals(days: list[dict[str, Any]], device: DeviceInput) -> dict[str, Any]:
    known = [day for day in days if day["minutes"] and PRESSURE in day["minutes"] and observed(day["minutes"])]
    tables = [day["minutes"][PRESSURE] for day in known]
    minutes = sum(sum(map(sum, table)) for table in tables)
    short = sum(table[row][column] for table in tables for row in _SHORT_ROWS for column in _FAULTING_COLUMNS)
    hardware = _section(device, "hardware", kind=Hardware)
    return {
        "memory_short_ratio": short / minutes if minutes else None,
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


def _drive_signals(device: DeviceInput) -> dict[str, Any]:
    hardware = _section(device, "hardware", kind=Hardware)
    drive = next((drive for drive in hardware.drives if drive.system), None) if hardware else None
    known = drive is not None and drive.kind != "unknown"
    return {
        "system_drive_kind": drive.kind if drive is not None and known else None,
        "system_drive_newest_at": device.sections["hardware"][0] if known else None,
    }


def _system_signals(device: DeviceInput, as_of: int) -> dict[str, Any]:
    system = _section(device, "system", kind=System)
    found = match(system) if system else None
    stands = standing(found.cycle, to_datetime(as_of).date()) if found and found.cycle else None
    newer = found is not None and found.cycle is None
    return {
        "os_cycle": f"{found.product} {found.version}" if found else None,
        "os_support": "newer_than_data" if newer else (stands.support if stands else None),
        "os_support_days": stands.days if stands else None,
        "os_support_ends_on": stands.ends_on if stands else None,
        "os_extended_days": stands.extended_days if stands else None,
        "os_extended_free": found.extension_is_free if found else None,
        "os_data_on": data_on() if found else None,
        "os_newest_at": device.sections["system"][0] if system else None,
    }


def _battery_signals(device: DeviceInput, as_of: int) -> dict[str, Any]:
    readings = [
        (day["read_at"], ratio, cycles)
        for day in device.days
        if day["battery"] and day["day_at"] >= as_of - 90 * DAY_MS
        for ratio, cycles in [_wear(msgspec.json.decode(day["battery"], type=list[Pack]))]
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
