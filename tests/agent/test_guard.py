"""Guard: a collector that costs too much is switched off for a day, and the next report says so."""

from __future__ import annotations

import json

import pytest
from tests.fixtures.machine import Fixture

from muster_agent.guard import Guard

MEBIBYTE = 2**20


def watch(guard: Guard, fixture: Fixture, *, seconds: float = 0.0, grows: int = 0, name: str = "software") -> None:
    with guard.watching(name):
        fixture.ps.process.seconds += seconds
        fixture.ps.process.resident += grows


def test_while_all_is_cheap_there_is_nothing_to_say(laptop: Fixture) -> None:
    guard = Guard(laptop.machine)

    watch(guard, laptop, seconds=1.4, grows=30 * MEBIBYTE)

    assert not guard.disables("software")
    assert guard.report() == {}


def test_processor_time_of_the_agent_and_its_programs_counts(laptop: Fixture) -> None:
    guard = Guard(laptop.machine)

    watch(guard, laptop, seconds=2.0)

    assert guard.disables("software")
    assert guard.report() == {
        "disabled_collectors": ["software"],
        "notes": ["software used 2.0 s of processor time in half a minute: switched off"],
    }


def test_the_note_is_said_once_and_what_is_off_every_time(laptop: Fixture) -> None:
    guard = Guard(laptop.machine)
    watch(guard, laptop, seconds=2.0)
    guard.report()

    assert guard.report() == {"disabled_collectors": ["software"]}


def test_the_collector_that_makes_the_agent_too_large_is_off_and_not_those_after_it(laptop: Fixture) -> None:
    guard = Guard(laptop.machine)

    watch(guard, laptop, grows=50 * MEBIBYTE)
    watch(guard, laptop, name="disks")

    assert guard.disables("software")
    assert not guard.disables("disks")


def test_time_that_passed_before_is_not_laid_on_a_collector(laptop: Fixture) -> None:
    laptop.ps.process.seconds = 5_000.0
    guard = Guard(laptop.machine)

    watch(guard, laptop, seconds=0.1)

    assert not guard.disables("software")


def test_where_psutil_cannot_tell_every_collector_runs(laptop: Fixture) -> None:
    del laptop.ps.process
    guard = Guard(laptop.machine)

    with guard.watching("software"):
        pass

    assert not guard.disables("software")
    assert guard.report() == {}


def test_an_error_inside_is_not_held_back(laptop: Fixture) -> None:
    with pytest.raises(KeyError), Guard(laptop.machine).watching("software"):
        raise KeyError


def test_many_small_runs_in_half_a_minute_count_together_and_the_dearest_is_at_fault(laptop: Fixture) -> None:
    guard = Guard(laptop.machine)

    for name, seconds in (("software", 0.6), ("disks", 0.1), ("software", 0.6), ("disks", 0.3)):
        watch(guard, laptop, seconds=seconds, name=name)

    assert guard.disables("software")
    assert not guard.disables("disks")


def test_what_was_spent_more_than_half_a_minute_ago_does_not_count(laptop: Fixture) -> None:
    guard = Guard(laptop.machine)

    for _ in range(5):
        watch(guard, laptop, seconds=1.4)
        laptop.go(31)

    assert not guard.disables("software")


def test_what_is_off_stays_off_through_a_restart_and_is_tried_again_after_a_day(laptop: Fixture) -> None:
    guard = Guard(laptop.machine)
    watch(guard, laptop, seconds=2.0)
    laptop.go(43_200)

    again = Guard(laptop.machine)
    again.remember(json.loads(json.dumps(guard.state())))

    assert again.disables("software")
    laptop.go(43_201)
    assert not again.disables("software")
    assert again.report() == {}


@pytest.mark.parametrize("off", [None, [], {"software": "long"}, {"software": 10.0**12}, {"software": float("nan")}])
def test_a_state_that_makes_no_sense_switches_nothing_off(laptop: Fixture, off: object) -> None:
    guard = Guard(laptop.machine)

    guard.remember(off)

    assert not guard.disables("software")


def test_a_clock_that_is_set_back_by_years_does_not_keep_it_off(laptop: Fixture) -> None:
    guard = Guard(laptop.machine)
    guard.switch_off("software", "did not end within 120 s")

    laptop.wall_seconds -= 10 * 365 * 86_400

    assert not guard.disables("software")


def test_a_process_that_burns_more_than_a_twentieth_of_a_core_is_seen_within_a_minute(laptop: Fixture) -> None:
    guard = Guard(laptop.machine)
    looks = []
    for seconds in (0.0, 0.2, 0.5, 4.0, 9.0):
        laptop.ps.process.seconds += seconds
        looks.append(guard.burns())
        laptop.go(20)

    assert looks == [False, False, False, False, True]
