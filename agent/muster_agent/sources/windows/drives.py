"""Drives by their driver (winioctl.h, nvme.h): kind, model, size, wear. The only thing asked is what needs no right."""

from __future__ import annotations

import struct
from typing import Any

from muster_agent.machine import Machine
from muster_agent.sources.ata import life_used, parse_attributes, power_on_hours
from muster_agent.sources.nvme import LOG_BYTES, parse_health
from muster_agent.sources.windows import MACHINE
from muster_agent.sources.windows.events import plain

# IOCTL_STORAGE_QUERY_PROPERTY, IOCTL_STORAGE_GET_DEVICE_NUMBER, IOCTL_STORAGE_PREDICT_FAILURE,
# IOCTL_DISK_GET_DRIVE_GEOMETRY_EX: none of them needs a right.
_PROPERTY, _NUMBER, _PREDICT, _GEOMETRY = 0x2D1400, 0x2D1080, 0x2D1100, 0x700A0
# STORAGE_PROPERTY_QUERY of the descriptor, of the seek penalty, and of an NVMe drive's log page 2.
_DESCRIPTOR, _SEEK_PENALTY = struct.pack("<III", 0, 0, 0), struct.pack("<III", 7, 0, 0)
_NVME_HEALTH = struct.pack("<II10I", 50, 0, 3, 2, 2, 0, 40, 512, 0, 0, 0, 0) + bytes(512)
_NVME_BUS, _VIRTUAL_BUSES, _OUTSIDE_BUSES = 17, {14, 15, 16}, {4, 7}  # STORAGE_BUS_TYPE
_ROOM, _MOST_DRIVES, _MOST_BYTES = 2_048, 16, 2**60
_VERSION_KEY = rf"{MACHINE}\SOFTWARE\Microsoft\Windows NT\CurrentVersion"


def read_drives(machine: Machine) -> list[dict[str, Any]]:
    """Fixed drives: name, kind, model, serial, size_bytes, system, and where known wear_percent and failing."""
    starting = read_system_number(machine)
    drives = []
    for number in range(_MOST_DRIVES):
        path = rf"\\.\PhysicalDrive{number}"
        about = parse_descriptor(_ask(machine, path, code=_PROPERTY, request=_DESCRIPTOR))
        if about is not None:
            bus = about.pop("bus")
            size = parse_size(_ask(machine, path, code=_GEOMETRY))
            known = {"name": f"drive-{number}", "system": number == starting, "size_bytes": size, **about}
            drives.append({**known, **_of_its_bus(machine, path, bus=bus)})
    return drives


def read_system_number(machine: Machine) -> int | None:
    """The number of the drive that holds Windows."""
    answer = _ask(machine, rf"\\.\{read_system_letter(machine)}", code=_NUMBER)
    return int(struct.unpack_from("<I", answer, 4)[0]) if len(answer) >= 8 else None


def read_system_letter(machine: Machine) -> str:
    """The letter of the volume that holds Windows, with its colon."""
    root = str(machine.windows.values(_VERSION_KEY).get("SystemRoot", ""))
    return root[:2] if root[1:2] == ":" else "C:"


def _of_its_bus(machine: Machine, path: str, *, bus: int) -> dict[str, Any]:
    if bus == _NVME_BUS:
        return {"kind": "nvme", **parse_nvme_health(_ask(machine, path, code=_PROPERTY, request=_NVME_HEALTH))}
    # A virtual disk's own word on whether it turns is not to be believed.
    turns = b"" if bus in _VIRTUAL_BUSES else _ask(machine, path, code=_PROPERTY, request=_SEEK_PENALTY)
    predicted = _ask(machine, path, code=_PREDICT)
    return {"kind": parse_seek_penalty(turns), **parse_predicted(predicted, turns=parse_seek_penalty(turns) != "ssd")}


def _ask(machine: Machine, path: str, *, code: int, request: bytes = b"") -> bytes:
    try:
        return machine.windows.control(path, code, request=request, room=_ROOM)
    except OSError:
        return b""  # no such drive, or one that does not know this question


def parse_descriptor(raw: bytes) -> dict[str, Any] | None:
    """model, serial and bus of a STORAGE_DEVICE_DESCRIPTOR; None for what can be taken out, or is damaged."""
    if len(raw) < 36:
        return None
    removable, vendor, product, serial, bus = struct.unpack_from("<10x?xII4xII", raw)
    if removable or bus in _OUTSIDE_BUSES:
        return None
    model = " ".join(text for text in (_text_at(raw, vendor), _text_at(raw, product)) if text and text != "NVMe")
    return {"model": model[:256] or None, "serial": _text_at(raw, serial) or None, "bus": bus}


def _text_at(raw: bytes, place: int) -> str:
    return plain(raw[place:].split(b"\0", 1)[0].decode("ascii", "replace"))[:128] if 36 <= place < len(raw) else ""


def parse_size(raw: bytes) -> int | None:
    """DiskSize of a DISK_GEOMETRY_EX."""
    size = int(struct.unpack_from("<q", raw, 24)[0]) if len(raw) >= 32 else 0
    return size if 0 < size <= _MOST_BYTES else None


def parse_seek_penalty(raw: bytes) -> str:
    """Kind by a DEVICE_SEEK_PENALTY_DESCRIPTOR: hdd, ssd or unknown."""
    if len(raw) < 9:
        return "unknown"
    return "hdd" if raw[8] else "ssd"


def parse_predicted(raw: bytes, *, turns: bool) -> dict[str, Any]:
    """A STORAGE_PREDICT_FAILURE: the drive's own warning, and behind it the SMART attributes of an ATA drive."""
    if len(raw) < 4:
        return {}
    attributes = parse_attributes(raw[4:])
    worn = {"wear_percent": None if turns else life_used(attributes), "power_on_hours": power_on_hours(attributes)}
    return {"failing": raw[:4] != bytes(4), **{name: value for name, value in worn.items() if value is not None}}


def parse_nvme_health(raw: bytes) -> dict[str, Any]:
    """Wear out of a STORAGE_PROTOCOL_DATA_DESCRIPTOR with the health log; empty when damaged."""
    place = 8 + int(struct.unpack_from("<I", raw, 24)[0]) if len(raw) >= 48 else len(raw)
    return parse_health(raw[place : place + LOG_BYTES])
