"""Firmware's own record of the start (ACPI FPDT), as the kernel shows it; nanoseconds since power-on.

Source: systemd, acpi-fpdt.c, with its rules of what is no record: the loader began at `bootloader_launch` and ended at
`exitbootservice_end`; zero is no UEFI, and what ended before it began or took over an hour is not believed.
"""

from __future__ import annotations

from muster_agent.machine import Machine
from muster_agent.sources import root_facts
from muster_agent.sources.plain import whole_number

_BOOT = "/sys/firmware/acpi/fpdt/boot"
_HOUR_NS = 3_600 * 10**9


def read_firmware_times(machine: Machine) -> dict[str, float]:
    """`firmware_seconds` and `loader_seconds`; empty where nothing tells."""
    names = ("bootloader_launch_ns", "exitbootservice_end_ns")
    began, ended = (whole_number(machine.read_or_none(f"{_BOOT}/{name}")) for name in names)
    if began is None and ended is None:
        told = root_facts.read_part(machine, "fpdt") or {}
        return {name: seconds for name, seconds in told.items() if seconds is not None}
    return parse_firmware_times(began or 0, ended or 0)


def parse_firmware_times(began_ns: int, ended_ns: int) -> dict[str, float]:
    """The two phases, cut to the millisecond, or nothing."""
    if not 0 < began_ns <= ended_ns < _HOUR_NS:
        return {}
    firmware, loader = began_ns // 10**6, ended_ns // 10**6 - began_ns // 10**6
    return {"firmware_seconds": firmware / 1_000, "loader_seconds": loader / 1_000}
