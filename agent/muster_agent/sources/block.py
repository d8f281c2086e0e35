"""Drives as Linux shows them under /sys/block."""

from __future__ import annotations

import re

from muster_agent.machine import UNTOLD, Machine
from muster_agent.sources.plain import short_text, whole_number

_PHYSICAL = re.compile(r"(sd[a-z]+|hd[a-z]+|vd[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)")
_PARTITION = re.compile(r"(sd[a-z]+|hd[a-z]+|vd[a-z]+|xvd[a-z]+)\d+|(nvme\d+n\d+|mmcblk\d+)p\d+")
_HEX_BYTE = re.compile(r"0x[0-9a-fA-F]{2}")
_MOST_MAPPINGS = 5
_MOST_SECTORS = 2**50  # 512 PiB: a larger number is none


def is_physical(name: str) -> bool:
    """Whether a block device is a drive, not a partition, loop or mapping."""
    return _PHYSICAL.fullmatch(name) is not None


def read_drives(machine: Machine) -> list[dict[str, object]]:
    """Drives that are built in: name, kind, model, size_bytes."""
    drives: list[dict[str, object]] = []
    for name in filter(is_physical, machine.names_in("/sys/block")):
        base = f"/sys/block/{name}"
        if _is_plugged_in(machine, base):
            continue
        sectors = whole_number(machine.read_or_none(f"{base}/size"), _MOST_SECTORS)
        drives.append(
            {
                "name": name,
                "kind": parse_kind(name, machine.read_or_none(f"{base}/queue/rotational")),
                "model": short_text(machine.read_or_none(f"{base}/device/model"), 256),
                "size_bytes": None if sectors is None else sectors * 512,
                **_emmc_health(machine, base),
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


def _emmc_health(machine: Machine, base: str) -> dict[str, object]:
    """What an eMMC says of its own wear, which anybody may read; empty for other drives."""
    told = machine.read_or_none(f"{base}/device/life_time")
    return {} if told is None else parse_emmc_health(told, machine.read_or_none(f"{base}/device/pre_eol_info") or "")


def parse_emmc_health(life: str, spare: str) -> dict[str, object]:
    """`wear_percent` and `failing` (JESD84-B51, extended CSD 267 to 269): life in tenths used, the worse of two kinds.

    Life 0x01 stands for up to 10 percent used, 0x0b for more than all; 0x03 of spare blocks is urgent.
    """
    tenths = [int(part, 16) for part in life.split() if _HEX_BYTE.fullmatch(part)]
    used = max((tenth for tenth in tenths if 1 <= tenth <= 11), default=None)
    return {
        "wear_percent": None if used is None else 10 * used,
        "failing": {"0x01": False, "0x02": False, "0x03": True}.get(spare.lower()),
    }


def parse_kind(name: str, rotational: str | None) -> str:
    """hdd, ssd or nvme; a virtual disk's own word on whether it turns is not to be believed."""
    if name.startswith("nvme"):
        return "nvme"
    if name.startswith(("vd", "xvd")) or rotational not in ("0", "1"):
        return "unknown"
    return "hdd" if rotational == "1" else "ssd"


def drive_of(machine: Machine, device: str) -> str | None:
    """The drive under a mounted device, through its partition and mappings (Debian: LVM on dm-crypt on a partition)."""
    name = machine.resolved(device).rsplit("/", 1)[-1]
    for _ in range(_MOST_MAPPINGS):
        below = machine.names_in(f"/sys/block/{name}/slaves")
        if not below:
            break
        name = below[0]
    partition = _PARTITION.fullmatch(name)
    drive = next((part for part in partition.groups() if part), name) if partition else name
    return drive if is_physical(drive) else None


def system_drive(machine: Machine) -> str | None:
    """The name of the drive that the operating system starts from; None where the system does not tell."""
    try:
        mounted = machine.ps.disk_partitions(all=False)
    except UNTOLD:
        return None
    return next((drive_of(machine, part.device) for part in mounted if part.mountpoint == "/"), None)


def _is_plugged_in(machine: Machine, base: str) -> bool:
    """Whether a drive comes and goes: said to be removable, on USB (hard disks there deny it), or an SD card."""
    removable, kind = machine.read_or_none(f"{base}/removable"), machine.read_or_none(f"{base}/device/type")
    return removable == "1" or kind == "SD" or "/usb" in machine.resolved(base)
