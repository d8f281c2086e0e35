"""/proc/vmstat: hard faults since boot."""

from __future__ import annotations

from muster_agent.machine import Machine
from muster_agent.sources.plain import whole_number


def read_hard_faults(machine: Machine) -> int | None:
    """Pages that had to be read from a drive since boot; None where the kernel does not say."""
    text = machine.read_or_none("/proc/vmstat")
    return None if text is None else parse_hard_faults(text)


def parse_hard_faults(text: str) -> int | None:
    """The value of pgmajfault."""
    _, found, rest = text.partition("pgmajfault ")
    return whole_number(rest.partition("\n")[0].strip()) if found else None
