"""Memory under pressure: hard faults since boot (/proc/vmstat), and what is committed (/proc/meminfo)."""

from __future__ import annotations

from collections.abc import Iterator

from muster_agent.machine import Machine
from muster_agent.sources.plain import whole_number

_STRICT = "2"  # vm.overcommit_memory


def read_hard_faults(machine: Machine) -> int | None:
    """Pages that had to be read from a drive since boot; None where the kernel does not say."""
    text = machine.read_or_none("/proc/vmstat")
    return None if text is None else parse_hard_faults(text)


def parse_hard_faults(text: str) -> int | None:
    """The value of pgmajfault."""
    _, found, rest = text.partition("pgmajfault ")
    return whole_number(rest.partition("\n")[0].strip()) if found else None


def read_commit(machine: Machine) -> float | None:
    """Percent of the commit limit that is committed; None unless the kernel keeps to that limit.

    By default it does not: programs may ask for more than there is, and the figure says nothing of the memory left.
    """
    if machine.read_or_none("/proc/sys/vm/overcommit_memory") != _STRICT:
        return None
    return parse_commit(machine.read_or_none("/proc/meminfo") or "")


def parse_commit(text: str) -> float | None:
    """Committed_AS of CommitLimit."""
    found = {name: whole_number(rest.strip().removesuffix(" kB")) for name, _, rest in _pairs(text)}
    committed, limit = found.get("Committed_AS"), found.get("CommitLimit")
    return None if committed is None or not limit else min(100.0, 100 * committed / limit)


def _pairs(text: str) -> Iterator[tuple[str, str, str]]:
    return (line.partition(":") for line in text.splitlines())
