"""How long this start of the device took, in phases, and what slowed it: systemd's own record."""

from __future__ import annotations

from typing import Any

from muster_agent.machine import Machine, instant
from muster_agent.sources import systemd
from muster_agent.sources.machine_id import keyed_hash

_LEAST_CULPRIT_SECONDS = 1.0
_MOST_CULPRITS = 10
_SECOND = 1_000_000


def collect(machine: Machine) -> list[dict[str, Any]] | None:
    """The section `starts` with the running start; absent without systemd. Unfinished marks are None, never 0."""
    try:
        times = systemd.read_manager(machine)
    except FileNotFoundError:
        return None
    boot_id = machine.boot_id()
    if boot_id is None or not times.get("UserspaceTimestampMonotonic"):
        return None
    start = phases(times)
    zero = start.pop("zero_microseconds")
    soft = f":{times.get('SoftRebootsCount', 0)}" if start["kind"] == "soft_reboot" else ""
    start["start_id"] = keyed_hash(f"start:{start['kind']}:{boot_id}{soft}")[:32]
    start["exact_id"] = True  # the kernel names each boot: two within a minute are two
    start["zero_at"] = instant(machine.wall() - _age_seconds(machine, zero))
    screen = systemd.read_sign_in_screen(machine)
    if screen is not None and screen > zero:
        start.update(to_sign_in_seconds=_seconds(screen - zero), to_sign_in_quality="measured")
    finish = times.get("FinishTimestampMonotonic", 0)
    if finish:
        start["culprits"] = culprits(systemd.read_unit_times(machine), zero, finish=finish)
    return [start]


def progress(machine: Machine) -> tuple[float, bool]:
    """(seconds since the running start began, whether it is over); where nobody can tell, it is over."""
    try:
        times = systemd.read_manager(machine)
    except OSError:
        return machine.elapsed(), True
    if not times.get("UserspaceTimestampMonotonic"):
        return machine.elapsed(), True
    return _age_seconds(machine, phases(times)["zero_microseconds"]), bool(times.get("FinishTimestampMonotonic"))


def phases(times: dict[str, int]) -> dict[str, Any]:
    """Marks and phases in seconds, out of the manager's microseconds; `zero_microseconds` is the start's zero.

    Source: systemd, analyze-time-data.c. In a container the zero is userspace's start; after a soft reboot, its own.
    """
    userspace, finish = times["UserspaceTimestampMonotonic"], times.get("FinishTimestampMonotonic", 0)
    soft = times.get("SoftRebootStartTimestampMonotonic", 0)
    container = not times.get("SecurityStartTimestampMonotonic")
    zero = soft or (userspace if container else 0)
    start: dict[str, Any] = {"kind": "soft_reboot" if soft else "full", "zero_microseconds": zero}
    if finish:
        start["to_settled_seconds"] = _seconds(finish - zero)
        start["to_settled_quality"] = "measured"
        start["to_settled_revision"] = 1
        start["userspace_seconds"] = _seconds(finish - userspace) if finish >= userspace else None
    if container or soft:
        return start
    initrd = times.get("InitRDTimestampMonotonic", 0)
    firmware, loader = times.get("FirmwareTimestampMonotonic", 0), times.get("LoaderTimestampMonotonic", 0)
    start["kernel_seconds"] = _seconds(initrd or userspace)
    start["initrd_seconds"] = _seconds(userspace - initrd) if initrd else None
    start["firmware_seconds"] = _seconds(firmware - loader) if firmware > loader > 0 else None
    start["loader_seconds"] = _seconds(loader) if loader else None
    return start


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
