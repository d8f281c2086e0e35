"""What the device is made of, and which class of device that makes it."""

from __future__ import annotations

from typing import Any

from muster_agent.machine import Machine
from muster_agent.sources import block, dmi, power_supply
from muster_agent.sources.plain import short_text, whole_number

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
    facts = dmi.read_dmi(machine)
    chassis = whole_number(facts.get("chassis_type"), 255)
    code = None if chassis is None else chassis & 0x7F  # bit 7: a lock is fitted
    starting = block.system_drive(machine)
    lenovo = "lenovo" in facts.get("sys_vendor", "").lower()  # whose readable model stands in the version
    return {
        "device_class": device_class(machine, code, facts=facts),
        "chassis_code": code,
        "manufacturer": facts.get("sys_vendor"),
        "model": (facts.get("product_version") if lenovo else None) or facts.get("product_name"),
        "serial": facts.get("product_serial"),
        "bios_version": facts.get("bios_version"),
        "bios_on": dmi.parse_day(facts.get("bios_date")),
        "cpu_model": _cpu_model(machine),
        "cpu_cores": machine.ps.cpu_count(logical=False),
        "cpu_threads": machine.ps.cpu_count(logical=True),
        "memory_bytes": machine.ps.virtual_memory().total,
        "drives": [
            {**drive, "system": drive["name"] == starting} for drive in block.read_drives(machine)[:_MOST_DRIVES]
        ],
    }


def device_class(machine: Machine, code: int | None, *, facts: dict[str, str]) -> str:
    """desktop, laptop, tablet, server, virtual or unknown: by the chassis, unless something else tells better."""
    named = f"{facts.get('sys_vendor', '')} {facts.get('product_name', '')}".lower()
    if any(word in named for word in _VIRTUAL) or "hypervisor" in _cpu_flags(machine):
        return "virtual"
    found = _CLASSES.get(code or 0, "unknown")
    has_battery = bool(power_supply.read_packs(machine))
    if found == "laptop" and any(word in named for word in _TABLET_MODELS):
        return "tablet"
    if found == "unknown" and has_battery:
        return "laptop"
    return found


def _cpu_model(machine: Machine) -> str | None:
    for line in (machine.read_or_none("/proc/cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return short_text(line.partition(":")[2], 256)
    return None


def _cpu_flags(machine: Machine) -> list[str]:
    for line in (machine.read_or_none("/proc/cpuinfo") or "").splitlines():
        if line.startswith("flags"):
            return line.split()
    return []
