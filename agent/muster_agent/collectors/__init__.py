"""The collectors, one module a subject, and the runner that times and isolates them.

A collector is `collect(machine) -> section | None`: None means that the subject does not exist here (absent), an
exception that it could not be read (failed). Adding one is one module, one line in COLLECTORS, one test.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from muster_agent.collectors import battery, disks, hardware, place, restart, sign_ins, software, starts, system
from muster_agent.machine import Machine


class Collector(NamedTuple):
    """One collector. `rare`: sent only when its content changed or the server asks.

    `stamp` says cheaply whether it can have changed since it was told; where that gives None, collecting alone tells.
    """

    name: str
    collect: Callable[[Machine], Any]
    rare: bool
    stamp: Callable[[Machine], Any] | None = None


_MOST_REMARKS = 500  # characters of what could not be read although the collector did its work
COLLECTORS = (
    Collector("system", system.collect, rare=True),
    Collector("hardware", hardware.collect, rare=True),
    Collector("place", place.collect, rare=True),
    Collector("starts", starts.collect, rare=False),
    Collector("sign_ins", sign_ins.collect, rare=False),
    Collector("disks", disks.collect, rare=False),
    Collector("battery", battery.collect, rare=False),
    Collector("software", software.collect, rare=True, stamp=software.stamp),
    Collector("restart", restart.collect, rare=False),
)


def run_collector(machine: Machine, collector: Collector) -> tuple[Any, dict[str, Any]]:
    """(section or None, outcome) of one collector; never raises, so that one cannot hurt another."""
    begun = machine.awake()
    section, problem = None, None
    machine.remarks.clear()
    try:
        section = collector.collect(machine)
        json.dumps(section, allow_nan=False)  # what cannot be sent was not read either
        outcome = "absent" if section is None else "ok"
        problem = "; ".join(machine.remarks)[:_MOST_REMARKS] or None
    except Exception as error:  # noqa: BLE001 - one of the two broad excepts of Muster: the outcome tells
        section, outcome, problem = None, "failed", describe(error)
    seconds = round(max(0.0, machine.awake() - begun), 4)
    return section, {"outcome": outcome, "seconds": seconds, "problem": problem}


def tell_again(machine: Machine, *, everything: bool) -> None:
    """Let collectors that tell what is new alone tell it again: the latest, or all that the system still knows."""
    for page in machine.notebook.values():
        if everything:
            page.pop("read", None)
        elif "read" in page:
            page["read"].update(told={}, gate=None)


def describe(error: Exception) -> str:
    """An error without the paths and values in its text, which may name a person."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else ""
    return f"{type(error).__name__}{': ' if reason else ''}{reason}"[:300]
