"""The kernel's own words, by one run of sysctl(8) a process: none of them changes while the kernel runs."""

from __future__ import annotations

from muster_agent.machine import Machine
from muster_agent.sources.plain import short_text

_PROGRAM = "/usr/sbin/sysctl"
_NAMES = (
    "kern.bootsessionuuid", "kern.hostname", "kern.osrelease", "kern.osproductversion", "kern.osversion",
    "kern.hv_vmm_present", "hw.machine", "machdep.cpu.brand_string",
)  # fmt: skip


def read_sysctl(machine: Machine, name: str) -> str | None:
    """One of the names above; None where the kernel does not tell. Raises OSError."""
    told: dict[str, str] = machine.once("sysctl", lambda: parse_sysctl(machine.run([_PROGRAM, *_NAMES])))
    return told.get(name)


def parse_sysctl(text: str) -> dict[str, str]:
    """`name: value`, a line each."""
    pairs = (line.partition(": ") for line in text.splitlines())
    found = {name: short_text(value, 256) for name, _, value in pairs if name in _NAMES}
    return {name: value for name, value in found.items() if value is not None}
