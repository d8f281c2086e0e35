"""Golden images: a sealed agent stays silent on the machine where the image is made, and begins on every other one.

Enters: the hints by which a machine is known. Leaves: a file beside the state, which the first run on other hardware
removes. Where the hardware tells no serial and no UUID, the machine id decides, which whoever makes images resets.
"""

from __future__ import annotations

import json
import os
from typing import Any

from muster_agent import identity
from muster_agent.files import private_directory, read_json, remove, write_whole
from muster_agent.machine import Machine
from muster_agent.sources import root_facts

_NAMES = ("hardware_hash", "machine_hash")


def seal(state_dir: str, machine: Machine) -> str:
    """Let the agent stay silent on this machine; gives what the machine will be known by. Raises OSError.

    Raises ValueError when nothing tells this machine from its copies.
    """
    hints = identity.hints(machine)
    known = {name: hints[name] for name in _NAMES if hints[name]}
    if not known:
        raise ValueError("Neither hardware nor machine id tells this machine from its copies: it cannot be sealed.")
    private_directory(state_dir)
    write_whole(_path(state_dir), json.dumps(known).encode())
    return "its hardware" if "hardware_hash" in known else "its machine id, since the hardware tells no serial"


def is_sealed(state_dir: str) -> bool:
    """Whether the agent was sealed and has not begun elsewhere since."""
    return os.path.exists(_path(state_dir))


def is_here(state_dir: str, machine: Machine) -> bool:
    """Whether this is the machine that was sealed; one that cannot be told from it counts as it."""
    sealed: dict[str, Any] = read_json(_path(state_dir))
    if root_facts.are_awaited(machine):
        return True  # until they name the hardware: the machine id of an image is often emptied
    hints = identity.hints(machine)
    for name in _NAMES:
        if sealed.get(name) and hints[name]:
            return bool(sealed[name] == hints[name])
    return True


def open_elsewhere(state_dir: str, machine: Machine) -> bool:
    """Whether the agent may begin; on other hardware than that which was sealed, the seal is taken off."""
    if not is_sealed(state_dir):
        return True
    if is_here(state_dir, machine):
        return False
    take_off(state_dir)
    return True


def take_off(state_dir: str) -> None:
    """Let the agent begin here again, if it was sealed."""
    remove(_path(state_dir))


def _path(state_dir: str) -> str:
    return os.path.join(state_dir, "sealed.json")
