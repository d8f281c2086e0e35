"""/proc/vmstat: hard faults since boot."""

from __future__ import annotations

from muster_agent.machine import Machine


def read_hard_faults(machine: Machine) -> int | None:
    """Pages that had to be read from a drive since boot; None where the kernel does not say."""
    text = machine.read_or_none("/proc/vmstat")
    return None if text is None else parse_hard_faults(text)


def parse_hard_faults(text: str) -> int | None:
    """The value of pgmajfault."""
    begin = text.find("pgmajfault ")
    value = text[begin:].split(None, 2)[1] if begin >= 0 else ""
    return int(value) if value.isascii() and value.isdigit() else None
