"""Use on Windows: memory by what is available, committed and read back; drives by their own clock."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.windows_machine import WindowsFixture

from muster_agent.sampler import Sampler
from muster_agent.sources.windows.use import parse_counters

FAULTS, COMMITTED, LIMIT = r"\Memory\Page Reads/sec", r"\Memory\Committed Bytes", r"\Memory\Commit Limit"
IDLE = r"\PhysicalDisk(*)\% Idle Time"
MINUTE = 600_000_000  # of 100 ns


class Pc(WindowsFixture):
    """A machine whose counters run."""

    def __init__(self) -> None:
        super().__init__()
        self.faults, self.idle, self.clock = 0, 0, 10 * MINUTE
        self.show(commit=40)

    def show(self, *, commit: int) -> None:
        self.windows.raw_counters = {
            FAULTS: {"": (self.faults, 7)},
            COMMITTED: {"": (commit * 10**9, 0)},
            LIMIT: {"": (100 * 10**9, 0)},
            IDLE: {"0 C:": (self.idle, self.clock), "_Total": (self.idle, self.clock)},
        }

    def minute(self, sampler: Sampler, *, faults: int = 0, commit: int = 40, disk: int = 0, asleep: float = 0) -> None:
        self.faults += faults * 60
        self.idle += MINUTE * (100 - disk) // 100
        self.clock += MINUTE + round(asleep * 10_000_000)
        self.show(commit=commit)
        self.go(60, cpu=disk, asleep=asleep)
        sampler.sample()


@pytest.fixture
def pc() -> Pc:
    return Pc()


@pytest.fixture
def sampler(pc: Pc) -> Sampler:
    made = Sampler(pc.machine)
    made.sample()
    return made


def hour(sampler: Sampler) -> dict[str, Any]:
    use = sampler.drain()
    assert use is not None
    return {name: value for found in use["hours"] for name, value in found.items()}


def test_interrupts_are_not_counted_twice(pc: Pc, sampler: Sampler) -> None:
    pc.minute(sampler, disk=42)

    assert hour(sampler)["cpu"] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]


def test_a_drive_is_busy_for_what_it_was_not_idle(pc: Pc, sampler: Sampler) -> None:
    for disk in (3, 55, 97):
        pc.minute(sampler, disk=disk)

    assert hour(sampler)["disk"] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]


def test_what_a_drive_did_in_a_minute_asleep_is_not_known(pc: Pc, sampler: Sampler) -> None:
    pc.minute(sampler, disk=3, asleep=7_200)

    found = hour(sampler)
    assert "disk" not in found
    assert sum(found["cpu"]) == 1


def test_memory_pressure_is_low_memory_or_high_commit_together_with_hard_faults(pc: Pc, sampler: Sampler) -> None:
    pc.minute(sampler, faults=5, commit=40)
    pc.ps.available = pc.ps.total * 0.04
    pc.minute(sampler, faults=2_000, commit=95)
    pc.minute(sampler, faults=50, commit=85)

    found = hour(sampler)
    assert found["memory_pressure"] == [[0, 1, 0, 1], [0] * 4, [0] * 4, [1, 0, 0, 0]]
    assert found["commit_pressure"] == [[1, 0, 0, 0], [0] * 4, [0, 1, 0, 0], [0, 0, 0, 1]]


def test_broken_counters_leave_the_rest_known(pc: Pc, sampler: Sampler) -> None:
    pc.windows.raw_counters = {}
    pc.go(60, cpu=42)
    sampler.sample()

    found = hour(sampler)
    assert found["cpu"][4] == found["memory"][5] == 1
    assert not {"disk", "memory_pressure", "commit_pressure"} & found.keys()


PAIRS = st.dictionaries(st.text(max_size=5), st.tuples(st.integers(), st.integers()), max_size=3)


@given(st.dictionaries(st.sampled_from([FAULTS, COMMITTED, LIMIT, IDLE]), PAIRS))
def test_no_counters_make_a_figure_out_of_nonsense(raw: dict[str, dict[str, tuple[int, int]]]) -> None:
    found = parse_counters(raw)

    assert found.hard_faults is None or found.hard_faults >= 0
    assert found.commit_percent is None or 0 <= found.commit_percent <= 100
