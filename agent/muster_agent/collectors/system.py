"""What runs on the device: its name, operating system and kernel."""

from __future__ import annotations

from typing import Any

from muster_agent.machine import Machine
from muster_agent.sources.os_release import read_os_release
from muster_agent.sources.plain import short_text


def collect(machine: Machine) -> dict[str, Any]:
    """The section `system`."""
    if machine.system == "windows":
        from muster_agent.sources.windows.about import read_system

        return read_system(machine)
    if machine.system == "macos":
        from muster_agent.sources.macos.about import read_system as read_of_mac

        return read_of_mac(machine)
    release = read_os_release(machine)
    return {
        "hostname": machine.hostname(),
        "os_family": "linux",
        "os_id": short_text(release.get("ID"), 64),
        "os_name": short_text(release.get("PRETTY_NAME") or release.get("NAME"), 256),
        "os_version": short_text(release.get("VERSION_ID"), 64),
        "updated_on": _updated_on(machine),
        "os_edition": short_text(release.get("VARIANT_ID"), 64),
        "kernel": short_text(machine.read_or_none("/proc/sys/kernel/osrelease"), 64),
        "architecture": machine.architecture(),
    }


def _updated_on(machine: Machine) -> str | None:
    """The day of the last update of the system's own packages."""
    if machine.exists("/var/lib/dpkg/status"):
        from muster_agent.sources.dpkg import read_updated_on
    else:
        from muster_agent.sources.rpm import read_updated_on
    return read_updated_on(machine)
