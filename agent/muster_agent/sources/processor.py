"""Processor time, all processors together."""

from __future__ import annotations

from muster_agent.machine import Machine

# Guest time is part of user time, and Windows counts interrupts and deferred calls as system time, too.
_COUNTED_TWICE = ("guest", "guest_nice", "interrupt", "dpc")


def read_times(machine: Machine) -> tuple[float, float]:
    """(idle, all) seconds since boot."""
    times = machine.ps.cpu_times()
    skipped = _COUNTED_TWICE if machine.system == "windows" else _COUNTED_TWICE[:2]
    total = sum(getattr(times, name) for name in times._fields if name not in skipped)
    return times.idle + getattr(times, "iowait", 0.0), total
