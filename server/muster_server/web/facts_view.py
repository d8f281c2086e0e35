"""Hardware, system and place of one device as pairs of label and words. Pure. A missing value is said as not known."""

from __future__ import annotations

from datetime import date

from muster_server.clock import to_datetime
from muster_server.ingest.sections import Drive, Driver, Hardware, MemorySlot, Place, System
from muster_server.web.words import count, named, percent, size

Pairs = list[tuple[str, str]]
_JOINS = {
    "domain": "a domain",
    "entra": "Entra ID",
    "hybrid": "a domain and Entra ID",
    "workgroup": "no directory",
}


def hardware_facts(told: Hardware) -> Pairs:
    """What the device is made of."""
    dated = f" of {told.bios_on}" if told.bios_on else ""
    return [
        ("Manufacturer", named(told.manufacturer)),
        ("Model", named(told.model)),
        ("Serial", named(told.serial)),
        ("Class", named(told.device_class)),
        ("Processor", named(told.cpu_model) + (f" ({told.cpu_id})" if told.cpu_id else "")),
        ("Cores and threads", f"{count(told.cpu_cores)} and {count(told.cpu_threads)}"),
        ("Memory", size(told.memory_bytes)),
        ("Memory slots", _slots(told)),
        ("Firmware", f"{named(told.bios_version)}{dated}" + (f", {told.firmware.upper()}" if told.firmware else "")),
        ("Secure Boot", {True: "on", False: "off", None: "not known"}[told.secure_boot]),
        ("TPM", named(told.tpm_version)),
        *map(_drive, told.drives),
        *map(_driver, told.drivers),
    ]


def system_facts(told: System, now: int) -> Pairs:
    """What runs on it; `now` (epoch ms) tells how long ago it was updated."""
    paid = "none licensed" if told.esu_year == 0 else f"licensed until year {told.esu_year}"
    return [
        ("Operating system", named(told.os_name)),
        ("Version", named(told.os_version)),
        ("Build", named(told.os_build)),
        ("Edition", named(told.os_edition)),
        ("Kernel", named(told.kernel)),
        ("Architecture", named(told.architecture)),
        ("Installed on", named(told.os_installed_on)),
        ("Last update of the system", _ago(told.updated_on, now)),
        *([] if told.esu_year is None else [("Extended security updates", paid)]),
    ]


def place_facts(told: Place) -> Pairs:
    """Where its directory says that it belongs."""
    return [
        ("Joined to", _JOINS.get(told.join or "", "not known")),
        ("Directory site", named(told.site)),
        ("Organisational unit", named(told.organisational_unit)),
    ]


def _slots(told: Hardware) -> str:
    if told.memory_slots is None:
        return "not known"
    filled = [slot for slot in told.memory_slots if slot.bytes]
    empty = sum(slot.bytes == 0 for slot in told.memory_slots)
    parts = [", ".join(map(_module, filled)) or "none told as filled", f"{empty} empty" if empty else ""]
    limit = f"{size(told.memory_limit_bytes)} at most" if told.memory_limit_bytes else ""
    return "; ".join(filter(None, (*parts, limit)))


def _module(slot: MemorySlot) -> str:
    speed = f"at {slot.speed_mts:,} MT/s" if slot.speed_mts else None
    return _joined(size(slot.bytes), slot.kind, speed, "soldered" if slot.soldered else None)


def _drive(drive: Drive) -> tuple[str, str]:
    kind = "kind not known" if drive.kind == "unknown" else named(drive.kind)
    wear = None if drive.wear_percent is None else f"{percent(drive.wear_percent / 100)} worn by its maker's estimate"
    hours = None if drive.power_on_hours is None else f"{count(drive.power_on_hours, 'hour')} in use"
    warns = {True: "it warns that it is failing", False: "no warning of its own", None: None}[drive.failing]
    holds = "size not known" if drive.size_bytes is None else size(drive.size_bytes)
    label = f"Drive {drive.name.removeprefix('drive-')}{' (system)' if drive.system else ''}"
    return label, ", ".join(filter(None, (kind, holds, drive.model, wear, hours, warns)))


def _driver(driver: Driver) -> tuple[str, str]:
    dated = f"of {driver.dated_on}" if driver.dated_on else None
    said = _joined(driver.provider, driver.name, driver.version, dated)
    return f"{driver.kind.capitalize()} driver", said or "not known"


def _ago(day: str | None, now: int) -> str:
    try:
        days = (to_datetime(now).date() - date.fromisoformat(day or "")).days
    except ValueError:  # none told, or no day of the calendar
        return named(day)
    return f"{day}, {count(max(0, days), 'day')} ago"


def _joined(*parts: str | None) -> str:
    return " ".join(filter(None, parts))
