"""Kernels that are installed beside the one that runs, by the names of their module folders."""

from __future__ import annotations

import re

from muster_agent.machine import Machine

_MODULES = "/lib/modules"
_DISTRIBUTION = re.compile(r"(fc|el|deb|bpo|mga|lp)\d+(_\d+)?")  # changes with the release, names no other kernel
_MOST_DIGITS = 12


def read_newer(machine: Machine, running: str) -> bool:
    """Whether a newer kernel of the running one's flavour was installed since the device started."""
    began = machine.wall() - machine.elapsed()
    version, flavour = parse_release(running)
    for name in machine.names_in(_MODULES):
        other = parse_release(name)
        installed_at = machine.changed_at(f"{_MODULES}/{name}/modules.dep")
        # One that was there before and was not started is not what a restart brings.
        if other[1] == flavour and other[0] > version and installed_at is not None and installed_at > began:
            return True
    return False


def parse_release(name: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """(numbers, words) of `6.1.0-39-amd64`: its version, and its flavour."""
    parts = [part for part in re.split(r"[.+~_-]", _DISTRIBUTION.sub("", name)) if part]
    numbers = tuple(int(part[:_MOST_DIGITS]) for part in parts if part.isascii() and part.isdigit())
    return numbers, tuple(part for part in parts if not (part.isascii() and part.isdigit()))
