"""How long starts of the device took, in phases, and what slowed them, as the system itself recorded it."""

from __future__ import annotations

import math
import os
from typing import Any

from muster_agent.machine import Machine, instant
from muster_agent.sources import root_facts, systemd
from muster_agent.sources.machine_id import has_own_boot_id, keyed_hash
from muster_agent.sources.news import news

_LEAST_CULPRIT_SECONDS = 1.0
_MOST_CULPRITS, _MOST_STARTS = 10, root_facts.MOST_BOOTS
_SECOND = 1_000_000
_CLOCK_SECONDS = 2.0  # by less, the clock was not set
_HOUR = 3_600 * _SECOND


def collect(machine: Machine) -> list[dict[str, Any]] | None:
    """The section `starts` with what is new of any; absent where nothing tells. Unfinished marks are None, never 0.

    On Linux the running start, and once the earlier ones that the journal still knows.
    """
    if machine.system == "windows":
        from muster_agent.sources.windows.starts import read_starts

        return read_starts(machine)
    if machine.system == "macos":
        from muster_agent.sources.macos.starts import read_starts as read_of_mac

        return read_of_mac(machine)
    if not systemd.runs(machine):
        return None
    page = machine.notebook.setdefault("starts", {"first_at": machine.wall()})
    read = page.setdefault("read", {"told": {}, "gate": None})
    gate = _gate(machine)
    if gate == read["gate"]:
        return []
    start, boots = _running(machine, page), _boots(machine)
    present = next((boot for boot in boots if boot["boot_id"] == machine.boot_id()), None)
    if start["kind"] == "soft_reboot":
        start["stop_before"] = "clean"  # systemd itself brought the run before to its end
    elif present is not None:
        start["stop_before"] = present["stop_before"]
    until = read["told"].pop("history", "")
    past = _past(boots, present, first_at=page["first_at"])
    fresh = [earlier for earlier in past if earlier["zero_at"] > until]
    fresh += news(read["told"], [start], name="start_id")
    if boots:
        until = max([until, start["zero_at"], *(earlier["zero_at"] for earlier in past)])
    if until:  # kept while root's facts, and with them the boots, are not there yet
        read["told"]["history"] = until
    if "to_settled_seconds" in start:
        read["gate"] = gate
    return fresh[-_MOST_STARTS:]


def _gate(machine: Machine) -> list[Any]:
    """Changes whenever there may be something new: another start, another run of the agent, facts, a desktop."""
    desktops = machine.notebook.get("seen", {}).get("desktops", ())
    return [machine.boot_id(), os.getpid(), machine.changed_at(root_facts.PATH), len(desktops), *desktops[-1:]]


def _boots(machine: Machine) -> list[dict[str, Any]]:
    """The boots that the journal knows, as root told of it, or as this process may read it.

    A container that shares its host's boot id has no boots of its own.
    """
    if machine.exists("/run/systemd/container") and not has_own_boot_id(machine):
        return []
    told: list[dict[str, Any]] | None = root_facts.read_part(machine, "boots")
    if told is not None:
        return told
    from muster_agent.sources.journal import read_boots

    try:
        return read_boots(machine)
    except OSError:
        return []


def _past(boots: list[dict[str, Any]], present: dict[str, Any] | None, *, first_at: float) -> list[dict[str, Any]]:
    """The starts before the running one, as the wire has them, oldest first."""
    found = []
    for boot in boots:
        if boot is present or boot["zero_at"] is None or not boot["boot_id"]:
            continue
        start = {name: value for name, value in boot.items() if name not in ("boot_id", "zero_at")}
        if start.get("to_settled_seconds") is not None:
            start.update(to_settled_quality="measured", to_settled_revision=1)
        named = {"start_id": _start_id("full", boot["boot_id"]), "kind": "full", "exact_id": True}
        zero = {"zero_at": instant(boot["zero_at"]), "before_agent": boot["zero_at"] < first_at}
        found.append({**named, **zero, **start})
    return found


def _running(machine: Machine, page: dict[str, Any]) -> dict[str, Any]:
    """The running start; raises OSError or ValueError."""
    times, boot_id = systemd.read_manager(machine), machine.boot_id()
    if boot_id is None or not times.get("UserspaceTimestampMonotonic"):
        raise ValueError("systemd or the kernel does not tell of this start")
    start = phases(times)
    zero = start.pop("zero_microseconds")
    # Several starts of one kernel (containers, soft reboots) differ by their zero.
    is_own = not zero or (start["kind"] == "full" and has_own_boot_id(machine))
    start["start_id"] = _start_id(start["kind"], boot_id if is_own else f"{boot_id}:{zero}")
    start["exact_id"] = True  # the kernel names each boot: two within a minute are two
    began = machine.wall() - _age_seconds(machine, zero)
    if page.get("running", ("",))[0] != start["start_id"] or abs(page["running"][1] - began) > _CLOCK_SECONDS:
        page["running"] = [start["start_id"], began]  # kept, or each look would differ by a rounding
    began = page["running"][1]
    start["zero_at"] = instant(began)
    if not zero and start.get("firmware_seconds") is None and start.get("loader_seconds") is None:
        from muster_agent.sources.fpdt import read_firmware_times

        start.update(read_firmware_times(machine))
    screen = systemd.read_sign_in_screen(machine)
    if screen is not None and screen > zero:
        start.update(to_sign_in_seconds=_seconds(screen - zero), to_sign_in_quality="measured")
    if "to_settled_seconds" in start:
        finish = times["FinishTimestampMonotonic"]
        start["culprits"] = culprits(systemd.read_unit_times(machine), zero, finish=finish)
    return {**start, **_seen(machine, start, began=began)}


def _seen(machine: Machine, start: dict[str, Any], *, began: float) -> dict[str, Any]:
    """Marks of the first desktop at the device itself, a person's time at the sign-in screen taken out."""
    notes = machine.notebook.get("seen", {})
    local = [sign_in for sign_in in notes.get("sign_ins", ()) if sign_in[0] >= began and sign_in[1] != "remote"]
    accepted_at, kind, _ = min(local, default=(None, "", 0))
    if accepted_at is None:
        return {}
    from muster_agent.sources.seen import own_marks, seen_between

    desktops = [desktop for desktop in notes.get("desktops", ()) if desktop[0] >= accepted_at]
    seen = seen_between(began, math.inf, notes={"desktops": desktops}, log=(accepted_at, []))
    return own_marks(start, seen, signs_in_alone=kind == "automatic")


def _start_id(kind: str, named: str) -> str:
    return keyed_hash(f"start:{kind}:{named}")[:32]


def progress(machine: Machine) -> tuple[float, bool]:
    """(seconds since the running start began, whether it is over); where nobody can tell, it is over."""
    if machine.system == "windows":
        from muster_agent.sources.windows.starts import is_over

        return machine.elapsed(), is_over(machine)
    if machine.system == "macos":
        from muster_agent.sources.macos.starts import is_over as is_over_on_mac

        return machine.elapsed(), is_over_on_mac(machine)
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
