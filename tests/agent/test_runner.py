"""The runner of collectors: each one's outcome and time, and no collector hurts another."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fixtures.machine import NAMES, Fixture

from muster_agent.collectors import COLLECTORS, Collector, run_collector
from muster_agent.machine import Machine


def run(collect: Any, machine: Machine) -> tuple[Any, dict[str, Any]]:
    return run_collector(machine, Collector("any", collect, rare=False))


def test_a_section_is_ok_with_the_seconds_it_took(laptop: Fixture) -> None:
    def collect(_machine: Machine) -> dict[str, int]:
        laptop.go(0.25)
        return {"a": 1}

    assert run(collect, laptop.machine) == ({"a": 1}, {"outcome": "ok", "seconds": 0.25, "problem": None})


def test_none_means_that_the_subject_is_absent_and_not_that_it_failed(laptop: Fixture) -> None:
    assert run(lambda _machine: None, laptop.machine)[1]["outcome"] == "absent"


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (PermissionError(13, "Permission denied", "/home/j.example/secret"), "PermissionError: Permission denied"),
        (ValueError("j.example cannot be parsed"), "ValueError"),
        (KeyError("/home/j.example"), "KeyError"),
        (OSError("/home/j.example"), "OSError"),
        (RecursionError(), "RecursionError"),
        (AssertionError("x" * 1_000), "AssertionError"),
    ],
)
def test_an_error_is_failed_and_tells_its_kind_without_paths_or_values(
    laptop: Fixture, error: Exception, problem: str
) -> None:
    def collect(_machine: Machine) -> None:
        raise error

    assert run(collect, laptop.machine)[1] == {"outcome": "failed", "seconds": 0.0, "problem": problem}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1, 2}, object()])
def test_what_json_cannot_carry_is_failed_and_never_sent(laptop: Fixture, value: object) -> None:
    section, outcome = run(lambda _machine: {"figure": value}, laptop.machine)

    assert section is None
    assert outcome["outcome"] == "failed"


def test_a_clock_that_goes_back_gives_no_negative_seconds(laptop: Fixture) -> None:
    def collect(_machine: Machine) -> None:
        laptop.awake_seconds -= 5

    assert run(collect, laptop.machine)[1]["seconds"] == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_on_a_healthy_machine_no_collector_fails(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    fixture = Fixture(name, tmp_path_factory.mktemp("machines"))

    outcomes = {collector.name: run_collector(fixture.machine, collector)[1] for collector in COLLECTORS}

    assert {name: outcome for name, outcome in outcomes.items() if outcome["outcome"] == "failed"} == {}


def test_on_this_very_machine_no_collector_fails() -> None:
    outcomes = {collector.name: run_collector(Machine(), collector)[1] for collector in COLLECTORS}

    assert {name: outcome for name, outcome in outcomes.items() if outcome["outcome"] == "failed"} == {}


def test_a_machine_of_which_nothing_can_be_read_fails_or_is_absent_and_crashes_nowhere(tmp_path: Any) -> None:
    bare = Machine(str(tmp_path), ps=object())

    outcomes = {collector.name: run_collector(bare, collector)[1]["outcome"] for collector in COLLECTORS}

    assert outcomes == {
        "system": "failed",
        "hardware": "failed",
        "place": "absent",
        "starts": "absent",
        "sign_ins": "absent",
        "disks": "failed",
        "battery": "absent",
        "software": "absent",
        "restart": "ok",
    }
