"""How long this start of the device took, in phases, and what slowed it, as the system itself recorded it."""

from __future__ import annotations

from typing import Any

from muster_agent.machine import Machine, instant
from muster_agent.sources import systemd
from muster_agent.sources.machine_id import keyed_hash

_LEAST_CULPRIT_SECONDS = 1.0
_MOST_CULPRITS = 10
_SECOND = 1_000_000
_HOUR = 3_600 * _SECOND


def collect(machine: Machine) -> list[dict[str, Any]] | None:
    """The section `starts`: on Linux the running start, on Windows what is new of any; absent where nothing tells.

    Unfinished marks are None, never 0.
    """
    if machine.system == "windows":
        from muster_agent.sources.windows.starts import read_starts

        return read_starts(machine)
    if not systemd.runs(machine):
        return None
    times, boot_id = systemd.read_manager(machine), machine.boot_id()
    if boot_id is None or not times.get("UserspaceTimestampMonotonic"):
        raise ValueError("systemd or the kernel does not tell of this start")
    start = phases(times)
    zero = start.pop("zero_microseconds")
    # Several starts of one kernel (containers, soft reboots) differ by their zero.
    start["start_id"] = keyed_hash(f"start:{start['kind']}:{boot_id}{f':{zero}' if zero else ''}")[:32]
    start["exact_id"] = True  # the kernel names each boot: two within a minute are two
    start["zero_at"] = instant(machine.wall() - _age_seconds(machine, zero))
    screen = systemd.read_sign_in_screen(machine)
    if screen is not None and screen > zero:
        start.update(to_sign_in_seconds=_seconds(screen - zero), to_sign_in_quality="measured")
    if "to_settled_seconds" in start:
        finish = times["FinishTimestampMonotonic"]
        start["culprits"] = culprits(systemd.read_unit_times(machine), zero, finish=finish)
    return [start]


def progress(machine: Machine) -> tuple[float, bool]:
    """(seconds since the running start began, whether it is over); where nobody can tell, it is over."""
    if machine.system == "windows":
        from muster_agent.sources.windows.starts import is_over

        return machine.elapsed(), is_over(machine)
    try:
        times = systemd.read_manager(machine) if systemd.runs(machine) else {}
    except OSError:
        times = {}
    if not times.get("UserspaceTimestampMonotonic"):
        return machine.elapsed(), True
    start = phases(times)
    return _age_seconds(machine, start["zero_microseconds"]), "to_settled_seconds" in start


def phases(times: dict[str, int]) -> dict[str, Any]:
    """Marks and phases in seconds, out of the manager's microseconds; `zero_microseconds` is the start's zero.

    Source: systemd, analyze-time-data.c. In a container the zero is userspace's start; after a soft reboot, its own.
    """
    userspace, finish = times["UserspaceTimestampMonotonic"], times.get("FinishTimestampMonotonic", 0)
    soft = times.get("SoftRebootStartTimestampMonotonic", 0)
    container = not times.get("SecurityStartTimestampMonotonic")
    zero = soft or (userspace if container else 0)
    start: dict[str, Any] = {"kind": "soft_reboot" if soft else "full", "zero_microseconds": zero}
    if finish > zero:  # else it has not come yet, or is that of the start before a soft reboot
        start["to_settled_seconds"] = _seconds(finish - zero)
        start["to_settled_quality"] = "measured"
        start["to_settled_revision"] = 1
        start["userspace_seconds"] = _seconds(finish - userspace) if finish >= userspace else None
    if not container and not soft:
        start.update(_before_userspace(times, userspace))
    return start


def _before_userspace(times: dict[str, int], userspace: int) -> dict[str, float | None]:
    """Firmware and loader count backwards from the kernel's zero; zero and over an hour (acpi-fpdt.c) are not told."""
    initrd = times.get("InitRDTimestampMonotonic", 0)
    firmware, loader = times.get("FirmwareTimestampMonotonic", 0), times.get("LoaderTimestampMonotonic", 0)
    told = 0 < loader < firmware < _HOUR
    return {
        "kernel_seconds": _seconds(initrd or userspace),
        "initrd_seconds": _seconds(userspace - initrd) if 0 < initrd <= userspace else None,
        "firmware_seconds": _seconds(firmware - loader) if told else None,
        "loader_seconds": _seconds(loader) if 0 < loader < _HOUR else None,
    }


def culprits(units: list[tuple[str, int, int]], zero: int, *, finish: int) -> list[dict[str, Any]]:
    """The units that took longest to be ready during the start, a second or more, the slowest first."""
    slow: dict[str, float] = {}
    for name, began, ready in units:
        seconds = _seconds(ready - began)
        if zero <= began <= finish and seconds >= _LEAST_CULPRIT_SECONDS:
            slow[name] = max(seconds, slow.get(name, 0.0))
    ranked = sorted(slow.items(), key=lambda item: (-item[1], item[0]))[:_MOST_CULPRITS]
    return [{"name": name, "kind": "unit", "seconds": seconds} for name, seconds in ranked]


def _age_seconds(machine: Machine, zero: int) -> float:
    # A zero of its own stands on the clock that leaves out sleep; the kernel's is the boot's, and sleep counts.
    return machine.awake() - zero / _SECOND if zero else machine.elapsed()


def _seconds(microseconds: int) -> float:
    # Cut to the millisecond as systemd-analyze does, so that people find the same figure there.
    return microseconds // 1_000 / 1_000
