"""systemd's own record of the running start (org.freedesktop.systemd1.Manager; times in microseconds, monotonic).

Formulas as in systemd's analyze-time-data.c: zero is the kernel's start; firmware and loader count backwards from it; a
zero value means that it did not happen or has not happened yet.
"""

from __future__ import annotations

import re

from muster_agent.machine import Machine
from muster_agent.sources.plain import short_text, whole_number

_MANAGER = (
    "FirmwareTimestampMonotonic",
    "LoaderTimestampMonotonic",
    "InitRDTimestampMonotonic",
    "UserspaceTimestampMonotonic",
    "FinishTimestampMonotonic",
    "SecurityStartTimestampMonotonic",
    "SoftRebootStartTimestampMonotonic",
)
_MOST = 10**15  # 31 years in microseconds; systemd's "infinity" is no time
_UNIT = ("Id", "InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic", "InactiveEnterTimestampMonotonic")
# An instance may carry a person's number or a path: only the template's name is kept.
_INSTANCE = re.compile(r"@.*(?=\.)", re.DOTALL)


def runs(machine: Machine) -> bool:
    """Whether systemd runs this system (sd_booted(3))."""
    return machine.exists("/run/systemd/system")


def read_manager(machine: Machine) -> dict[str, int]:
    """The manager's timestamps in microseconds; raises OSError."""
    return parse_numbers(machine.run(["systemctl", "show", *(f"-p{name}" for name in _MANAGER)]))


def read_unit_times(machine: Machine) -> list[tuple[str, int, int]]:
    """(unit, began, ready) of every service, mount and device, in microseconds; raises OSError."""
    # Without --all, a pattern leaves out units that are not active any more: a script that has ended.
    argv = ["systemctl", "show", "--all", "*.service", "*.mount", "*.device", *(f"-p{name}" for name in _UNIT)]
    return parse_units(machine.run(argv))


def read_sign_in_screen(machine: Machine) -> int | None:
    """When the display manager was ready, in microseconds; None where there is none. Raises OSError."""
    shown = machine.run(["systemctl", "show", "display-manager.service", "-pActiveEnterTimestampMonotonic"])
    return parse_numbers(shown).get("ActiveEnterTimestampMonotonic") or None


def parse_numbers(text: str) -> dict[str, int]:
    """`Name=number` lines; what is not a number is left out."""
    pairs = (line.partition("=") for line in text.splitlines())
    numbers = ((name, whole_number(value, _MOST)) for name, _, value in pairs)
    return {name: number for name, number in numbers if number is not None}


def parse_units(text: str) -> list[tuple[str, int, int]]:
    """Blocks of properties, separated by empty lines, of units that are ready: active, or done without ever being it.

    The latter are scripts of type oneshot, and units that gave up (analyze-time-data.c counts both).
    """
    found = []
    for block in text.split("\n\n"):
        values = dict(line.partition("=")[::2] for line in block.splitlines())
        times = parse_numbers(block)
        began, *ends = (times.get(name, 0) for name in _UNIT[1:])
        ready = next((end for end in ends if end >= began), 0)
        if began and ready and values.get("Id"):
            found.append((unit_name(values["Id"]), began, ready))
    return found


def unit_name(unit: str) -> str:
    """A unit's name without what may name a person or a path."""
    suffix = unit.rsplit(".", 1)[-1]
    if suffix in ("mount", "device"):
        return f"a {suffix}"
    return short_text(_INSTANCE.sub("@", unit), 128) or "a unit"
