"""Nothing of a person leaves a Windows device, wherever Windows keeps it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.fixtures.windows_machine import WindowsFixture
from tests.fixtures.windows_pc import FOLDER, PERSON, SECRETS, SID, laptop

from muster_agent import identity
from muster_agent.collectors import COLLECTORS, run_collector
from muster_agent.config import Settings
from muster_agent.report import Reporter
from muster_agent.sampler import Sampler


@pytest.fixture
def pc() -> WindowsFixture:
    return laptop()


def report(pc: WindowsFixture) -> dict[str, Any]:
    reporter, sampler = Reporter(pc.machine, Settings(), hardware_hash=None), Sampler(pc.machine)
    sampler.sample()
    pc.go(60, cpu=10)
    sampler.sample()
    built: dict[str, Any] = json.loads(reporter.build("ab" * 16 + ":1", reporter.collect(), sampler=sampler))
    return built


def test_no_name_no_sid_no_folder_and_no_command_line_is_in_a_report(pc: WindowsFixture) -> None:
    text = json.dumps(report(pc)).lower()

    assert [secret for secret in SECRETS if secret.lower() in text] == []


def test_the_report_is_whole_all_the_same(pc: WindowsFixture) -> None:
    told = report(pc)
    sections = told["sections"]

    assert {name for name, outcome in told["outcomes"].items() if outcome["outcome"] != "ok"} == set()
    assert {title["name"] for title in sections["software"]["titles"]} == {"Office LTSC 2021", "Teams"}
    assert [start["kind"] for start in sections["starts"]] == ["full", "full"]
    assert len(sections["starts"][1]["culprits"]) == 6  # each kind once: all of them run the same program
    assert sections["sign_ins"][0]["kind"] == "remote"
    assert sections["place"] == {"join": "hybrid", "site": None, "organisational_unit": "Leeds/Laptops"}


def test_hints_for_enrolment_hold_no_person_and_no_clear_machine_id(pc: WindowsFixture) -> None:
    text = json.dumps(identity.hints(pc.machine)).lower()

    assert [secret for secret in SECRETS if secret.lower() in text] == []


def test_what_collectors_keep_for_their_next_run_holds_no_person_either(pc: WindowsFixture) -> None:
    report(pc)
    kept = json.dumps(pc.machine.notebook).lower()

    assert [secret for secret in SECRETS if secret.lower() in kept] == []


@pytest.mark.parametrize("collector", COLLECTORS, ids=lambda collector: collector.name)
def test_a_failing_call_names_nobody(pc: WindowsFixture, collector: Any) -> None:
    def refuse(*_arguments: object, **_more: object) -> Any:
        raise OSError(5, "Access is denied", rf"{FOLDER}\{SID}")

    for call in ("values", "events", "record_range", "control", "firmware_table", "tpm"):
        setattr(pc.windows, call, refuse)

    _, outcome = run_collector(pc.machine, collector)

    assert PERSON not in json.dumps(outcome)
    assert "S-1-5" not in json.dumps(outcome)


def test_a_switch_takes_the_names_of_culprits_out(pc: WindowsFixture) -> None:
    reporter = Reporter(pc.machine, Settings(culprit_names=False), hardware_hash=None)
    collected = reporter.collect()
    told = json.loads(reporter.build("ab" * 16 + ":1", collected, sampler=Sampler(pc.machine)))

    assert {len(start["culprits"]) for start in told["sections"]["starts"]} == {0}
