"""What rarely changes: the sections `system`, `hardware` and `place` as a device tells them.

Enters: a device's life and an instant. Leaves: a section. What differs between devices of one model goes by number.
"""

from __future__ import annotations

from typing import Any

from tests.fleet.catalogue import CHASSIS_CODE, PROCESSORS
from tests.fleet.estate import Device
from tests.fleet.life import DAY, GIB, Life, iso

_SITES = ("LEEDS", "BRADFORD", "WAKEFIELD", "HALIFAX")
_UNITS = {"desktop": "Stations", "laptop": "Agile", "tablet": "Vehicles", "virtual": "Data Centre"}
_DRIVERS = {
    "GenuineIntel": ("Intel(R) UHD Graphics", "Intel Corporation", "31.0.101.2135", "2025-02-11"),
    "AuthenticAMD": ("AMD Radeon(TM) Graphics", "Advanced Micro Devices, Inc.", "32.0.11021.1011", "2025-06-30"),
}
_FAILING = 150  # of so many drives one warns


def system(life: Life, at: int) -> dict[str, Any]:
    """What runs on the device at an instant."""
    device, runs = life.device, life.device.system
    revision = 2_000 + 61 * life.patches(at)
    told: dict[str, Any] = {
        "hostname": device.hostname,
        "os_family": runs.family,
        "os_id": runs.os_id,
        "os_name": runs.name,
        "os_version": runs.version,
        "os_build": f"{runs.build}.{revision}" if runs.family == "windows" else runs.build,
        "os_edition": runs.edition,
        "kernel": runs.kernel,
        "architecture": "arm64" if runs.family == "macos" else "x86_64",
    }
    if runs.family == "windows":
        told["updated_on"] = _day(life.patched_at(at))
    if runs.build == "19045":  # some forces bought the first year of updates, and nobody the next
        told["esu_year"] = device.number % 2
    return told


def hardware(life: Life, at: int) -> dict[str, Any]:
    """What the device is made of; Macs tell neither firmware nor slots."""
    device, model = life.device, life.device.model
    cpu_id, cores = PROCESSORS[model.cpu]
    told = {
        "device_class": model.device_class,
        "chassis_code": CHASSIS_CODE[model.device_class],
        "manufacturer": model.manufacturer,
        "model": model.name,
        "serial": device.hints["system_serial"],
        "cpu_model": model.cpu,
        "cpu_id": cpu_id,
        "cpu_cores": cores,
        "cpu_threads": model.threads,
        "memory_bytes": device.memory_gb * GIB,
        "drives": [_drive(life, at)],
    }
    if model.family == "macos":
        return told
    driver = dict(zip(("name", "provider", "version", "dated_on"), _DRIVERS[(cpu_id or "").split()[0]], strict=True))
    drivers = {"drivers": [{"kind": "display", **driver}]} if model.family == "windows" else {}
    return {**told, **_firmware(device), **_memory(device), **drivers}


def place(device: Device) -> dict[str, Any]:
    """Where its directory says that a Windows device belongs."""
    site = _SITES[device.number % len(_SITES)]
    join = "hybrid" if device.model.battery_wh else "domain"
    return {"join": join, "site": site, "organisational_unit": f"{site.title()}/{_UNITS[device.model.device_class]}"}


def _drive(life: Life, at: int) -> dict[str, Any]:
    device = life.device
    told = {"name": "drive-0", "kind": device.drive, "size_bytes": device.model.drive_gb * 10**9, "system": True}
    if device.drive == "unknown":
        return told
    hours = 9_000 + device.number * 37 % 21_000 + at // DAY % 10_000 // 4
    told |= {"power_on_hours": hours, "failing": device.number % _FAILING == 11}
    return told if device.drive == "hdd" else {**told, "wear_percent": 2 + device.number * 13 % 38}


def _firmware(device: Device) -> dict[str, Any]:
    """Devices that were never brought to Windows 11 often start as a BIOS, without their TPM or with an old one."""
    old = "old_system" in device.faults
    if device.model.device_class == "virtual" or (old and device.number % 3 == 0):
        return {"firmware": "bios", "secure_boot": None, "tpm_version": "none"}
    if old and device.number % 3 == 1:
        return {"firmware": "uefi", "secure_boot": False, "tpm_version": "1.2"}
    return {"firmware": "uefi", "secure_boot": device.number % 25 != 4, "tpm_version": "2.0"}


def _memory(device: Device) -> dict[str, Any]:
    if device.model.device_class == "virtual":
        return {}
    tablet = device.model.device_class == "tablet"
    kind = {"kind": "LPDDR4" if tablet else "DDR4", "speed_mts": 2_666, "soldered": tablet}
    slots: list[dict[str, Any]] = [{"bytes": device.memory_gb * GIB, **kind}]
    if not tablet:
        slots.append({"bytes": 0})
    return {"memory_slots": slots, "memory_limit_bytes": (device.memory_gb if tablet else 64) * GIB}


def _day(at: int) -> str:
    return iso(at)[:10]
