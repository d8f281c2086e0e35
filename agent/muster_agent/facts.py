"""`muster-agent facts`: what root alone may read on Linux, written for the daemon, which runs without rights.

Enters: a machine, seen by root. Leaves: one JSON file. Its readers are those of the group that the process runs with.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from muster_agent.files import private_directory, write_whole
from muster_agent.machine import Machine
from muster_agent.sources import dmi, drive_health, fpdt, journal, root_facts, smbios

_PATIENCE_SECONDS = 30.0  # the journal of years on a slow disk takes longer than the agent would wait


def write(machine: Machine, path: str) -> dict[str, Any]:
    """Gather the facts and replace the file; gives the facts. Raises OSError when the file cannot be written."""
    machine.patience_seconds = _PATIENCE_SECONDS
    facts = gather(machine)
    private_directory(os.path.dirname(os.path.abspath(path)))
    write_whole(path, json.dumps(facts, separators=(",", ":")).encode(), mode=0o640)
    return facts


def gather(machine: Machine) -> dict[str, Any]:
    """The parts that `root_facts` knows; those that cannot be read here are left out."""
    found: dict[str, Any] = {"form": root_facts.FORM}
    for name, read in _READERS.items():
        try:
            found[name] = read(machine)
        except (OSError, ValueError):
            continue  # no such thing here
    return found


def _dmi(machine: Machine) -> dict[str, str]:
    known = dmi.read_dmi(machine)
    return {name: known[name] for name in dmi.OF_ROOT if name in known}


_READERS: dict[str, Callable[[Machine], Any]] = {
    "dmi": _dmi,
    "fpdt": fpdt.read_firmware_times,
    "boots": journal.read_boots,
    "drives": drive_health.read_health,
    "memory": lambda machine: smbios.parse_memory(smbios.read_table(machine)),
}
