"""While a device saves its battery or is metered: one small report a day.

Enters: a machine. Leaves: whether a report is due, and which collectors it may run. Counting goes on all the same.
"""

from __future__ import annotations

from muster_agent.collectors import COLLECTORS
from muster_agent.machine import Machine
from muster_agent.sources.sparing import is_sparing

SMALL = tuple(collector.name for collector in COLLECTORS if not collector.rare)
_PAGE = "thrift"


def is_put_off(machine: Machine) -> bool:
    """Whether this day (UTC) has had its report, and more would be too much."""
    return is_sparing(machine) and machine.notebook.get(_PAGE, {}).get("told_on") == machine.now()[:10]


def names(machine: Machine) -> tuple[str, ...] | None:
    """The collectors for a report that is made now, all of them as None; the day is noted."""
    machine.notebook[_PAGE] = {"told_on": machine.now()[:10]}
    return SMALL if is_sparing(machine) else None
