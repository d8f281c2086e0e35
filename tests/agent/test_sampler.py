"""Sampler: each minute counts once, at its level, in the hour in which it passed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.machine import Fixture

from muster_agent.machine import Machine
from muster_agent.sampler import EDGES, Sampler, level_of
from muster_agent.sources.vmstat import parse_commit, parse_hard_faults


@pytest.fixture
def sampler(laptop: Fixture) -> Sampler:
    """The laptop's sampler after its first look, at half past nine."""
    made = Sampler(laptop.machine)
    made.sample()
    return made


def minute(sampler: Sampler, fixture: Fixture, **load: float) -> None:
    fixture.go(60, **load)
    sampler.sample()


def drained(sampler: Sampler) -> dict[str, dict[str, Any]]:
    """The hours since the last report, by their time of day."""
    use = sampler.drain() or {"hours": []}
    return {hour["hour_at"]: hour for hour in use["hours"]}


def totals(hours: dict[str, dict[str, Any]], name: str) -> int:
    return sum(hour[name] if isinstance(hour[name], int) else sum(hour[name]) for hour in hours.values())


@pytest.mark.parametrize(
    ("percent", "level"),
    [(0, 0), (9.99, 0), (10, 1), (49.9, 4), (50, 5), (79.9, 7), (80, 8), (85, 9), (94.99, 10), (95, 11), (100, 11)],
)
def test_levels_hold_their_lower_edge_and_the_last_one_both(percent: float, level: int) -> None:
    assert level_of(percent) == level


def test_minutes_are_counted_at_the_level_of_processor_memory_and_drive(sampler: Sampler, laptop: Fixture) -> None:
    for cpu in (5, 42, 42, 97):
        minute(sampler, laptop, cpu=cpu, disk=cpu / 2)

    (hour,) = drained(sampler).values()
    assert hour["hour_at"] == "2026-11-25T09:00:00.000Z"
    assert hour["cpu"] == [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1]
    assert hour["disk"] == [1, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert hour["memory"] == [0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]
    assert (hour["missed"], hour["suspended"]) == (0, 0)


def test_the_busiest_drive_counts_and_partitions_and_loops_do_not(sampler: Sampler, laptop: Fixture) -> None:
    laptop.ps.drive_ms = {"nvme0n1": 0, "nvme0n1p1": 0, "loop0": 0, "sda": 0}
    minute(sampler, laptop)
    sampler.drain()
    laptop.go(60)
    laptop.ps.drive_ms = {"nvme0n1": 6_000, "nvme0n1p1": 59_000, "loop0": 59_000, "sda": 33_000}
    sampler.sample()

    (hour,) = drained(sampler).values()
    assert level_of(55) == hour["disk"].index(1)


def test_memory_pressure_needs_little_memory_and_many_hard_faults(sampler: Sampler, laptop: Fixture) -> None:
    laptop.ps.available = laptop.ps.total * 4 // 100
    laptop.write("/proc/vmstat", f"pgmajfault {4321 + 60 * 150}\n")
    minute(sampler, laptop)

    (hour,) = drained(sampler).values()
    assert hour["memory_pressure"] == [[0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(("percent", "level"), [(-3, 0), (250, 11)])
def test_a_percentage_beyond_the_edges_counts_at_the_edge(percent: float, level: int) -> None:
    assert level_of(percent) == level


def test_what_was_reported_is_not_reported_again(sampler: Sampler, laptop: Fixture) -> None:
    minute(sampler, laptop)

    assert sampler.drain() is not None
    assert sampler.drain() is None


def test_a_minute_over_the_hour_counts_where_most_of_it_passed(sampler: Sampler, laptop: Fixture) -> None:
    for _ in range(60):
        minute(sampler, laptop)

    hours = drained(sampler)
    assert {at[11:13]: sum(hour["cpu"]) for at, hour in hours.items()} == {"09": 30, "10": 30}


@pytest.mark.parametrize(("seconds", "missed"), [(10, 0), (20, 0), (59, 0), (60, 0), (61, 1)])
def test_however_often_it_looks_an_hour_has_sixty_minutes(
    sampler: Sampler, laptop: Fixture, seconds: int, missed: int
) -> None:
    for _ in range(3_600 // seconds):
        laptop.go(seconds, cpu=15)
        sampler.sample()

    hours = drained(sampler)
    assert abs(totals(hours, "cpu") + totals(hours, "missed") - 60) <= 1
    assert totals(hours, "missed") == missed


def test_between_two_looks_the_whole_minute_is_measured_and_not_its_end(sampler: Sampler, laptop: Fixture) -> None:
    for load in (100, 100, 100, 0, 0, 0):
        laptop.go(10, cpu=load)
        sampler.sample()

    (hour,) = drained(sampler).values()
    assert hour["cpu"].index(1) == level_of(60)


def test_minutes_in_which_nobody_looked_are_missed_in_their_own_hours(sampler: Sampler, laptop: Fixture) -> None:
    laptop.go(2 * 3_600, cpu=50)
    sampler.sample()

    hours = drained(sampler)
    assert {at[11:13]: hour["missed"] for at, hour in hours.items()} == {"09": 30, "10": 60, "11": 29}
    assert totals(hours, "missed") + sum(hours["2026-11-25T11:00:00.000Z"]["cpu"]) == 120


def test_time_asleep_is_suspended_and_not_missed(sampler: Sampler, laptop: Fixture) -> None:
    laptop.go(30, asleep=90 * 60)
    laptop.go(30)
    sampler.sample()

    hours = drained(sampler)
    assert (totals(hours, "suspended"), totals(hours, "missed")) == (90, 0)
    assert max(hour["suspended"] for hour in hours.values()) <= 60


def test_thirty_days_asleep_are_thirty_days_of_hours_asleep(sampler: Sampler, laptop: Fixture) -> None:
    laptop.go(60, asleep=30 * 86_400)
    sampler.sample()

    hours = drained(sampler)
    assert totals(hours, "suspended") == 30 * 1_440
    assert len(hours) == 30 * 24 + 1
    assert max(hour["suspended"] for hour in hours.values()) == 60


def test_a_year_asleep_fills_no_more_hours_than_a_report_takes(sampler: Sampler, laptop: Fixture) -> None:
    laptop.go(60, asleep=365 * 86_400)
    sampler.sample()

    hours = drained(sampler)
    assert len(hours) <= 24 * 35
    assert max(hours) == "2027-11-25T09:00:00.000Z"


def test_when_the_clock_is_set_the_hours_before_it_move_along(laptop: Fixture) -> None:
    laptop.wall_seconds -= 10 * 365 * 86_400
    fresh = Sampler(laptop.machine)
    fresh.sample()
    minute(fresh, laptop, cpu=30)
    laptop.wall_seconds += 10 * 365 * 86_400
    minute(fresh, laptop, cpu=30)

    assert {at: sum(hour["cpu"]) for at, hour in drained(fresh).items()} == {"2026-11-25T09:00:00.000Z": 2}


def test_a_clock_set_back_loses_no_minute(sampler: Sampler, laptop: Fixture) -> None:
    minute(sampler, laptop)
    laptop.wall_seconds -= 7_200
    minute(sampler, laptop)

    assert {at[11:13]: sum(hour["cpu"]) for at, hour in drained(sampler).items()} == {"07": 2}


def test_counters_that_go_back_give_no_figure(sampler: Sampler, laptop: Fixture) -> None:
    laptop.go(60)
    laptop.ps.idle_seconds -= 500
    laptop.ps.busy_seconds += 1_000
    laptop.ps.drive_ms["nvme0n1"] = 0
    laptop.write("/proc/vmstat", "pgmajfault 1\n")
    sampler.sample()

    (hour,) = drained(sampler).values()
    assert not {"cpu", "disk", "memory_pressure"} & hour.keys()
    assert sum(hour["memory"]) == 1


@pytest.mark.parametrize(("total", "available"), [(0, 0), (10, 11), (10, -1), (float("nan"), 1.0)])
def test_memory_that_cannot_be_gives_no_figure(
    sampler: Sampler, laptop: Fixture, total: float, available: float
) -> None:
    laptop.ps.total, laptop.ps.available = total, available
    minute(sampler, laptop)

    (hour,) = drained(sampler).values()
    assert not {"memory", "memory_pressure"} & hour.keys()
    assert sum(hour["cpu"]) == 1


class Mute:
    """psutil on a system that tells nothing."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"{name} is not told here")


def test_on_a_system_that_tells_nothing_minutes_pass_and_the_outcome_says_so(laptop: Fixture) -> None:
    laptop.machine.ps = Mute()
    sampler = Sampler(laptop.machine)
    sampler.sample()
    minute(sampler, laptop)

    assert sampler.outcome()["outcome"] == "failed"
    assert sampler.outcome()["problem"] == "RuntimeError"
    (hour,) = drained(sampler).values()
    assert hour == {"hour_at": "2026-11-25T09:00:00.000Z", "missed": 0, "suspended": 0}


@given(st.text())
def test_whatever_the_kernel_writes_hard_faults_are_a_number_or_nothing(text: str) -> None:
    for written in (text, f"pgmajfault {text}", "pgmajfault", "pgmajfault "):
        found = parse_hard_faults(written)
        assert found is None or found >= 0


@given(st.floats(allow_nan=True))
def test_every_percentage_has_a_level(percent: float) -> None:
    assert 0 <= level_of(percent) < len(EDGES) - 1


@given(st.lists(st.tuples(st.floats(0, 4_000), st.floats(0, 90_000)), min_size=1, max_size=20))
def test_no_minute_is_lost_or_counted_twice(gaps: list[tuple[float, float]]) -> None:
    clocks = [1_795_000_000.0, 50_000.0, 50_000.0]
    machine = Machine(clocks=(lambda: clocks[0], lambda: clocks[1], lambda: clocks[2]))
    sampler = Sampler(machine)
    sampler.sample()
    for awake, asleep in gaps:
        clocks[0] += awake + asleep
        clocks[1] += awake + asleep
        clocks[2] += awake
        sampler.sample()

    hours = drained(sampler)
    counted = sum(sum(hour.get("memory", ())) for hour in hours.values()) + totals(hours, "missed")
    assert abs(counted - sum(awake for awake, _ in gaps) / 60) <= 1
    assert abs(totals(hours, "suspended") - sum(asleep for _, asleep in gaps) / 60) <= 1


def test_what_is_committed_is_counted_only_where_the_kernel_keeps_to_the_limit(
    sampler: Sampler, laptop: Fixture
) -> None:
    laptop.write("/proc/meminfo", "MemTotal: 16198576 kB\nCommitLimit:    10000 kB\nCommitted_AS:    8500 kB\n")
    laptop.write("/proc/sys/vm/overcommit_memory", "0\n")
    minute(sampler, laptop)
    laptop.write("/proc/sys/vm/overcommit_memory", "2\n")
    minute(sampler, laptop)

    (hour,) = drained(sampler).values()
    assert hour["commit_pressure"] == [[0] * 4, [0] * 4, [1, 0, 0, 0], [0] * 4]


def test_the_time_of_an_operation_is_that_of_the_slowest_drive_and_a_minute_without_any_is_in_none(
    sampler: Sampler, laptop: Fixture
) -> None:
    laptop.ps.operations["nvme0n1"] = (3_000, 1_000)  # 3 ms each
    minute(sampler, laptop)
    minute(sampler, laptop)
    laptop.ps.operations["nvme0n1"] = (3_000 + 12_000, 1_000 + 100)  # 120 ms each
    minute(sampler, laptop)

    (hour,) = drained(sampler).values()
    assert hour["disk_wait"] == [0, 0, 1, 0, 0, 0, 0, 1]


@given(st.text(max_size=120) | st.integers().map(lambda n: f"CommitLimit: {n} kB\nCommitted_AS: 5 kB"))
def test_no_text_gives_a_share_that_is_none(text: str) -> None:
    assert 0 <= (parse_commit(text) or 0) <= 100


def test_minutes_in_which_no_agent_ran_are_missed_and_none_before_the_device_started(laptop: Fixture) -> None:
    laptop.awake_seconds = 1_000.0
    sampler = Sampler(laptop.machine)

    sampler.missed_since(laptop.wall_seconds - 14 * 60)
    sampler.missed_since(laptop.wall_seconds - 40 * 86_400)  # until it started, it was off
    sampler.missed_since(laptop.wall_seconds + 3_600)  # the clock was set back since

    section = sampler.drain()
    assert section is not None
    assert sum(hour["missed"] for hour in section["hours"]) == 14 + 16
