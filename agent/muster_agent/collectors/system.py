"""What runs on the device: its name, operating system and kernel."""

from __future__ import annotations

import platform
from typing import Any

from muster_agent.machine import Machine
from muster_agent.sources.os_release import read_os_release


def collect(machine: Machine) -> dict[str, Any]:
    """The section `system`."""
    release = read_os_release(machine)
    hostname = machine.read_or_none("/proc/sys/kernel/hostname") or machine.read_or_none("/etc/hostname")
    return {
        "hostname": hostname[:256] if hostname else None,
        "os_family": "linux",
        "os_id": release.get("ID"),
        "os_name": release.get("PRETTY_NAME") or release.get("NAME"),
        "os_version": release.get("VERSION_ID"),
        "os_edition": release.get("VARIANT_ID"),
        "kernel": (machine.read_or_none("/proc/sys/kernel/osrelease") or "")[:64] or None,
        "architecture": platform.machine(),
    }
