"""The line that lists show of a device, out of its newest sections and starts. Pure."""

from __future__ import annotations

import msgspec

from muster_server.encoding import canonical
from muster_server.fold.facts import DeviceFacts
from muster_server.fold.marks import shown_mark
from muster_server.ingest.sections import Disks, Hardware, System

# Sent rarely: a device that has never told one of these is asked for it.
_WANTED = ("system", "hardware", "software")


def finish(facts: DeviceFacts) -> None:
    """Bring `facts.state` and `facts.want` up to date with everything that was folded in."""
    facts.add_up()
    state = facts.state
    state["outcomes"] = canonical(facts.outcomes)
    if "system" in facts.sections:
        system = msgspec.json.decode(facts.sections["system"][1], type=System)
        state.update(hostname=system.hostname, os_name=system.os_name, os_version=system.os_version)
    if "hardware" in facts.sections:
        hardware = msgspec.json.decode(facts.sections["hardware"][1], type=Hardware)
        state.update(
            device_class=hardware.device_class,
            manufacturer=hardware.manufacturer,
            model=hardware.model,
            serial=hardware.serial,
            memory_bytes=hardware.memory_bytes,
        )
    if "disks" in facts.sections:
        state["disk_free_ratio"] = _free_ratio(msgspec.json.decode(facts.sections["disks"][1], type=Disks))
    _newest_start(facts)
    facts.want = msgspec.json.encode([name for name in _WANTED if _missing(facts, name)]).decode()


def _newest_start(facts: DeviceFacts) -> None:
    known = [row for row in facts.starts.values() if shown_mark(row) is not None]
    newest = max(known, key=lambda row: (row["zero_at"], row["start_id"]), default=None)
    if newest is not None and newest["zero_at"] >= (facts.state.get("last_start_at") or 0):
        mark, milliseconds = shown_mark(newest) or ("", 0)
        facts.state.update(last_start_at=newest["zero_at"], last_start_mark=mark, last_start_ms=milliseconds)
        facts.state["last_start_at_least"] = newest[f"{mark}_at_least"]


def _missing(facts: DeviceFacts, name: str) -> bool:
    known = facts.software_at is not None if name == "software" else name in facts.sections
    outcome = facts.outcomes.get(name)
    return not known and (outcome is None or outcome.outcome != "absent")


def _free_ratio(disks: Disks) -> float | None:
    system = next((volume for volume in disks.volumes if volume.system), None)
    return system.free_bytes / system.total_bytes if system is not None and system.total_bytes else None
