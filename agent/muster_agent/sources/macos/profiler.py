"""Hardware as system_profiler(8) lists it, in JSON, whose keys no language changes. Slow: it is asked once a day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from muster_agent.machine import Machine
from muster_agent.sources.plain import short_text

_ASKED = ("SPHardwareDataType", "SPNVMeDataType", "SPSerialATADataType")
_MOST_BYTES = 2**60


def read_profile(machine: Machine) -> dict[str, Any]:
    """`hardware` (texts) and `drives` (each with its serial); raises OSError."""
    command = ["/usr/sbin/system_profiler", "-json", *_ASKED]
    found: dict[str, Any] = machine.once("profile", lambda: parse_profile(machine.run(command)), seconds=86_400.0)
    return found


def parse_profile(text: str) -> dict[str, Any]:
    """What of it Muster knows; nothing where it is no such document."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    found = found if isinstance(found, dict) else {}
    hardware: dict[str, Any] = next(_records(found.get("SPHardwareDataType")), {})
    texts = {name: short_text(value, 128) for name, value in hardware.items() if isinstance(value, str)}
    drives = [
        _drive(item, nvme=kind == "SPNVMeDataType")
        for kind in _ASKED[1:]
        for controller in _records(found.get(kind))
        for item in _records(controller.get("_items"))
        if item.get("detachable_drive") != "yes" and item.get("removable_media") != "yes"
    ]
    return {"hardware": texts, "drives": drives}


def _drive(item: dict[str, Any], *, nvme: bool) -> dict[str, Any]:
    size, smart, medium = item.get("size_in_bytes"), item.get("smart_status"), item.get("spsata_medium_type")
    turning = (
        {"Rotational": "hdd", "Solid State": "ssd"}.get(medium, "unknown") if isinstance(medium, str) else "unknown"
    )
    return {
        "name": _text(item, "bsd_name", most=64) or "disk",
        "kind": "nvme" if nvme else turning,
        "model": _text(item, "device_model", most=256),
        "size_bytes": size if type(size) is int and 0 < size <= _MOST_BYTES else None,
        "failing": {"Verified": False, "Failing": True}.get(smart) if isinstance(smart, str) else None,
        "serial": _text(item, "device_serial", most=128),
    }


def _text(item: dict[str, Any], name: str, *, most: int) -> str | None:
    value = item.get(name)
    return short_text(value.replace("\x00", ""), most) if isinstance(value, str) else None


def _records(value: Any) -> Iterator[dict[str, Any]]:
    return (part for part in value if isinstance(part, dict)) if isinstance(value, list) else iter(())
