"""What a Mac is and what runs on it, out of sysctl, system_profiler and property lists, as the wire wants it."""

from __future__ import annotations

from typing import Any

from muster_agent.machine import Machine
from muster_agent.sources.macos.plists import read_updated_on
from muster_agent.sources.macos.profiler import read_profile
from muster_agent.sources.macos.sysctl import read_sysctl

_PORTABLE, _DESKTOPS = "macbook", ("imac", "mac mini", "mac pro", "mac studio")
_MOST_DRIVES = 32


def read_system(machine: Machine) -> dict[str, Any]:
    """The section `system`; raises OSError."""
    version = read_sysctl(machine, "kern.osproductversion")
    return {
        "hostname": machine.hostname(),
        "os_family": "macos",
        "os_id": "macos",
        "os_name": f"macOS {version}" if version else "macOS",
        "os_version": version,
        "os_build": read_sysctl(machine, "kern.osversion"),
        "updated_on": read_updated_on(machine),
        "kernel": read_sysctl(machine, "kern.osrelease"),
        "architecture": machine.architecture(),
    }


def read_hardware(machine: Machine) -> dict[str, Any]:
    """The section `hardware`; raises OSError."""
    profile = read_profile(machine)
    about = profile["hardware"]
    return {
        "device_class": _device_class(machine, about.get("machine_name") or ""),
        "manufacturer": "Apple",
        "model": about.get("machine_model"),
        "serial": about.get("serial_number"),
        "bios_version": about.get("boot_rom_version"),
        "cpu_model": read_sysctl(machine, "machdep.cpu.brand_string") or about.get("chip_type"),
        "cpu_cores": machine.ps.cpu_count(logical=False),
        "cpu_threads": machine.ps.cpu_count(logical=True),
        "memory_bytes": machine.ps.virtual_memory().total,
        "drives": [
            # Every Mac starts from the drive that it was sold with, unless somebody went to great lengths.
            {**{name: value for name, value in drive.items() if name != "serial"}, "system": number == 0}
            for number, drive in enumerate(profile["drives"][:_MOST_DRIVES])
        ],
    }


def read_hints(machine: Machine) -> dict[str, str]:
    """product_uuid, product_serial, disk_serial, as far as they are known."""
    try:
        profile = read_profile(machine)
    except OSError:
        return {}
    about = profile["hardware"]
    disk = next((drive["serial"] for drive in profile["drives"]), None)
    known = {
        "product_uuid": about.get("platform_UUID"),
        "product_serial": about.get("serial_number"),
        "disk_serial": disk,
    }
    return {name: value for name, value in known.items() if value}


def _device_class(machine: Machine, name: str) -> str:
    if read_sysctl(machine, "kern.hv_vmm_present") == "1":
        return "virtual"
    if _PORTABLE in name.lower():
        return "laptop"
    return "desktop" if name.lower() in _DESKTOPS else "unknown"
