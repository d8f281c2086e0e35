"""Drives as Linux shows them under /sys/block."""

from __future__ import annotations

import re

from muster_agent.machine import Machine

_PHYSICAL = re.compile(r"(sd[a-z]+|hd[a-z]+|vd[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)$")
_PARTITION = re.compile(r"(sd[a-z]+|hd[a-z]+|vd[a-z]+|xvd[a-z]+)\d+$|(nvme\d+n\d+|mmcblk\d+)p\d+$")


def is_physical(name: str) -> bool:
    """Whether a block device is a drive, not a partition, loop or mapping."""
    return _PHYSICAL.match(name) is not None


def read_drives(machine: Machine) -> list[dict[str, object]]:
    """Fixed drives: name, kind, model, size_bytes."""
    drives: list[dict[str, object]] = []
    for name in filter(is_physical, machine.names_in("/sys/block")):
        base = f"/sys/block/{name}"
        if machine.read_or_none(f"{base}/removable") == "1":
            continue
        sectors = machine.read_or_none(f"{base}/size") or ""
        drives.append(
            {
                "name": name,
                "kind": parse_kind(name, machine.read_or_none(f"{base}/queue/rotational")),
                "model": (machine.read_or_none(f"{base}/device/model") or "")[:256] or None,
                "size_bytes": int(sectors) * 512 if sectors.isdigit() else None,
            }
        )
    return drives


def read_serial(machine: Machine, name: str) -> str | None:
    """A drive's serial number, where the kernel shows it."""
    for place in (f"/sys/block/{name}/device/serial", f"/sys/block/{name}/serial"):
        found = machine.read_or_none(place)
        if found:
            return found[:128]
    return None


def parse_kind(name: str, rotational: str | None) -> str:
    """hdd, ssd or nvme; a virtual disk's own word on whether it turns is not to be believed."""
    if name.startswith("nvme"):
        return "nvme"
    if name.startswith(("vd", "xvd")) or rotational not in ("0", "1"):
        return "unknown"
    return "hdd" if rotational == "1" else "ssd"


def drive_of(machine: Machine, device: str) -> str | None:
    """The drive under a mounted device, through partitions and one mapping (dm-crypt, LVM)."""
    name = machine.resolved(device).rsplit("/", 1)[-1]
    below = machine.names_in(f"/sys/block/{name}/slaves")
    name = below[0] if below else name
    partition = _PARTITION.match(name)
    drive = next((part for part in partition.groups() if part), name) if partition else name
    return drive if is_physical(drive) else None


def system_drive(machine: Machine) -> str | None:
    """The name of the drive that the operating system starts from."""
    for partition in machine.ps.disk_partitions(all=False):
        if partition.mountpoint == "/":
            return drive_of(machine, partition.device)
    return None
