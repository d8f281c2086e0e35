"""How hard memory and drives work, as Windows' performance counters have it. `parse_counters` is pure."""

from __future__ import annotations

from typing import NamedTuple

from muster_agent.machine import Machine

_FAULTS, _COMMITTED, _LIMIT = r"\Memory\Page Reads/sec", r"\Memory\Committed Bytes", r"\Memory\Commit Limit"
_IDLE = r"\PhysicalDisk(*)\% Idle Time"
_ALL = "_Total"
_TICKS_A_MS = 10_000  # of 100 ns


class Counters(NamedTuple):
    """Hard faults since boot, percent of the commit limit now, milliseconds each drive worked since some moment."""

    hard_faults: int | None
    commit_percent: float | None
    busy_ms: dict[str, int]


def read_counters(machine: Machine) -> Counters:
    """The counters that are there; Windows' own may be broken."""
    return parse_counters(machine.windows.counters((_FAULTS, _COMMITTED, _LIMIT, _IDLE)))


def parse_counters(raw: dict[str, dict[str, tuple[int, int]]]) -> Counters:
    """Path → instance → (first, second value): of `% Idle Time` they are 100 ns idle and the clock these go by."""
    faults, committed, limit = (_only(raw.get(path)) for path in (_FAULTS, _COMMITTED, _LIMIT))
    percent = 100 * committed / limit if committed is not None and limit and committed <= limit else None
    drives = raw.get(_IDLE, {})
    busy = {name: (clock - idle) // _TICKS_A_MS for name, (idle, clock) in drives.items() if name != _ALL}
    return Counters(faults, percent, busy)


def _only(instances: dict[str, tuple[int, int]] | None) -> int | None:
    values = [first for first, _ in (instances or {}).values()]
    return values[0] if len(values) == 1 and values[0] >= 0 else None
