"""What the device is made of, and which class of device that makes it."""

from __future__ import annotations

from typing import Any

from muster_agent.collectors.battery import own_packs
from muster_agent.machine import Machine
from muster_agent.sources import block, dmi, firmware, root_facts
from muster_agent.sources.plain import whole_number

# SMBIOS type 3 (DSP0134, 7.4.1).
_CLASSES = {
    **dict.fromkeys((3, 4, 5, 6, 7, 13, 15, 16, 24, 34, 35, 36), "desktop"),
    **dict.fromkeys((8, 9, 10, 14), "laptop"),
    **dict.fromkeys((11, 30, 31, 32), "tablet"),
    **dict.fromkeys((17, 23, 25, 28, 29), "server"),
}
_VIRTUAL = ("qemu", "kvm", "vmware", "virtualbox", "virtual machine", "bochs", "xen", "amazon ec2", "google compute",
            "firecracker", "parallels")  # fmt: skip
_MOST_DRIVES = 32
# Vendors that wrote "portable" on tablets.
_TABLET_MODELS = ("venue", "tablet", "toughpad", "surface pro", "surface go")


def collect(machine: Machine) -> dict[str, Any]:
    """The section `hardware`."""
    if machine.system == "macos":
        from muster_agent.sources.macos.about import read_hardware

        return read_hardware(machine)
    facts = dmi.read_dmi(machine)
    chassis = whole_number(facts.get("chassis_type"), 255)
    code = None if chassis is None else chassis & 0x7F  # bit 7: a lock is fitted
    lenovo = "lenovo" in facts.get("sys_vendor", "").lower()  # whose readable model stands in the version
    return {
        "device_class": device_class(machine, code, facts=facts),
        "chassis_code": code,
        "manufacturer": facts.get("sys_vendor"),
        "model": (facts.get("product_version") if lenovo else None) or facts.get("product_name"),
        "serial": facts.get("product_serial"),
        "bios_version": facts.get("bios_version"),
        "bios_on": dmi.parse_day(facts.get("bios_date")),
        **_processor_and_firmware(machine),
        "cpu_cores": machine.ps.cpu_count(logical=False),
        "cpu_threads": machine.ps.cpu_count(logical=True),
        "memory_bytes": machine.ps.virtual_memory().total,
        **_memory(machine),
        "drives": _drives(machine)[:_MOST_DRIVES],
    }


def device_class(machine: Machine, code: int | None, *, facts: dict[str, str]) -> str:
    """desktop, laptop, tablet, server, virtual or unknown: by the chassis, unless something else tells better."""
    named = f"{facts.get('sys_vendor', '')} {facts.get('product_name', '')}".lower()
    if any(word in named for word in _VIRTUAL) or "hypervisor" in _cpu_flags(machine):
        return "virtual"
    found = _CLASSES.get(code or 0, "unknown")
    has_battery = bool(own_packs(machine))
    if found in ("laptop", "unknown") and (any(word in named for word in _TABLET_MODELS) or _is_slate(machine)):
        return "tablet"
    if found == "unknown" and has_battery:
        return "laptop"
    return found


def _processor_and_firmware(machine: Machine) -> dict[str, Any]:
    if machine.system == "windows":
        from muster_agent.sources.windows.about import read_drivers
        from muster_agent.sources.windows.hardware import read_firmware, read_processor

        return {**read_processor(machine), **read_firmware(machine), "drivers": read_drivers(machine)}
    return {**firmware.read_processor(machine), **firmware.read_firmware(machine)}


def _memory(machine: Machine) -> dict[str, Any]:
    told: dict[str, Any] | None = root_facts.read_part(machine, "memory")
    if told is not None:
        return told
    from muster_agent.sources.smbios import parse_memory, read_table

    try:
        return parse_memory(read_table(machine)) or {}
    except OSError:
        return {}  # on Linux the table is root's


def _drives(machine: Machine) -> list[dict[str, Any]]:
    if machine.system == "windows":
        from muster_agent.sources.windows.drives import read_drives

        return [{name: value for name, value in drive.items() if name != "serial"} for drive in read_drives(machine)]
    starting = block.system_drive(machine)
    worn = root_facts.read_part(machine, "drives") or {}
    drives = ({**drive, **worn.get(drive["name"], {})} for drive in block.read_drives(machine))
    return [{**drive, "system": drive["name"] == starting} for drive in drives]


def _is_slate(machine: Machine) -> bool:
    if machine.system == "windows":
        from muster_agent.sources.windows.hardware import is_slate

        return is_slate(machine)
    return False


def _cpu_flags(machine: Machine) -> list[str]:
    for line in (machine.read_or_none("/proc/cpuinfo") or "").splitlines():
        if line.startswith("flags"):
            return line.split()
    return []
