"""Guard: a collector that costs too much is switched off until the agent starts again, and the next report says so."""

from __future__ import annotations

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
        "notes": ["software used 2.0 s and left 23 MiB: switched off"],
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
