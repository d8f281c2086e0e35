"""Whether the device is to be spared now: it saves its battery, or is connected by what is paid by volume.

Windows tells both. Linux tells the firmware's low-power profile, which counts while a pack is discharged; that a
connection is metered only NetworkManager's bus knows, so a default route over a mobile modem is taken for one. macOS
tells neither without a program.
"""

from __future__ import annotations

from muster_agent.machine import Machine
from muster_agent.sources.power_supply import read_packs


def is_sparing(machine: Machine) -> bool:
    """Whether to spare the device; False where nothing tells."""
    if machine.system == "windows":
        try:
            return machine.windows.sparing()
        except OSError:
            return False
    if machine.system != "linux":
        return False
    profile = machine.read_or_none("/sys/firmware/acpi/platform_profile")
    if profile == "low-power" and any(pack["state"] == "discharging" for pack in read_packs(machine)):
        return True
    routes = parse_default_routes(machine.read_or_none("/proc/net/route") or "")
    return any(_is_modem(machine, name) for name in routes)


def parse_default_routes(table: str) -> list[str]:
    """The interfaces of the default routes in the kernel's table of IPv4 routes. Source: proc_pid_net(5)."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return [row[0] for row in rows if len(row) >= 8 and row[1] == row[7] == "00000000" and "/" not in row[0]]


def _is_modem(machine: Machine, interface: str) -> bool:
    uevent = machine.read_or_none(f"/sys/class/net/{interface}/uevent") or ""
    return "DEVTYPE=wwan" in uevent.splitlines()
