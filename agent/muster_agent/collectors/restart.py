"""Whether a restart is pending, and why."""

from __future__ import annotations

from typing import Any

from muster_agent.machine import Machine
from muster_agent.sources.kernels import read_newer

_CONTAINER_MARKS = ("/run/systemd/container", "/run/.containerenv", "/.dockerenv")


def collect(machine: Machine) -> dict[str, Any] | None:
    """The section `restart`: Debian's marker, a newer kernel, one that is gone while it runs, Windows' marks."""
    if machine.system == "windows":
        from muster_agent.sources.windows.about import read_restart

        return read_restart(machine)
    if machine.system == "macos":
        return None  # it restarts by itself when an update needs that
    reasons = []
    if machine.exists("/run/reboot-required"):
        packages = (machine.read_or_none("/run/reboot-required.pkgs") or "").split()
        kernel = any(name.startswith("linux-image") for name in packages)
        reasons.append("kernel_update" if kernel else "package_update")
    running, installed = machine.read_or_none("/proc/sys/kernel/osrelease"), machine.names_in("/lib/modules")
    # A container has its host's kernel and perhaps modules of its own.
    if installed and running and not any(map(machine.exists, _CONTAINER_MARKS)):
        if running not in installed:
            reasons.append("running_kernel_removed")
        if "kernel_update" not in reasons and read_newer(machine, running):
            reasons.append("kernel_update")
    return {"pending": bool(reasons), "reasons": reasons}
