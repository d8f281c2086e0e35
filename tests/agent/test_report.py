"""Report: facts that rarely change go once, losses are told, and a start is told until it is over."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.fixtures.machine import Fixture

from muster_agent.config import Settings
from muster_agent.report import Reporter, envelope
from muster_agent.sampler import Sampler

STREAM = "ab" * 16
RARE = {"system", "hardware", "software"}
OFTEN = {"starts", "disks", "battery", "restart"}


class Agent:
    """A reporter, its sampler and the numbers of its reports."""

    def __init__(self, fixture: Fixture, **settings: Any) -> None:
        self.reporter = Reporter(fixture.machine, Settings(**settings), hardware_hash="h")
        self.sampler = Sampler(fixture.machine)
        self.sequence = 0

    def report(self, losses: dict[str, Any] | None = None) -> dict[str, Any]:
        self.sequence += 1
        collected = self.reporter.collect()
        built = self.reporter.build(f"{STREAM}:{self.sequence}", collected, sampler=self.sampler, losses=losses)
        report: dict[str, Any] = json.loads(built)
        return report

    def sections(self) -> set[str]:
        return set(self.report()["sections"])

    def is_wanted(self) -> bool:
        return self.reporter.is_wanted


def test_the_first_report_tells_everything_and_later_ones_what_changes(laptop: Fixture) -> None:
    agent = Agent(laptop)

    assert agent.sections() == RARE | OFTEN
    assert agent.sections() == OFTEN - {"starts"}


def test_a_rare_section_goes_again_when_it_changed(laptop: Fixture) -> None:
    agent = Agent(laptop)
    agent.report()
    laptop.write("/proc/sys/kernel/hostname", "renamed")

    assert "system" in agent.sections()
    assert "system" not in agent.sections()


def test_every_collector_has_an_outcome_in_every_report(laptop: Fixture) -> None:
    agent = Agent(laptop)
    agent.report()

    outcomes = agent.report()["outcomes"]

    elsewhere = {"place", "sign_ins"}  # Windows and logind alone tell these
    unchanged = {"software"}  # its database says so, and it is not read
    assert outcomes.keys() == (RARE | OFTEN | elsewhere | {"use"}) - unchanged
    assert {outcome["outcome"] for name, outcome in outcomes.items() if name not in elsewhere} == {"ok"}
    assert {outcomes[name]["outcome"] for name in elsewhere} == {"absent"}


def test_another_run_remembers_what_was_told(laptop: Fixture) -> None:
    first = Agent(laptop)
    first.report()
    state = json.dumps(first.reporter.state())
    second = Agent(laptop)

    laptop.machine.notebook.clear()
    second.reporter.remember(json.loads(state))

    assert second.sections() == OFTEN - {"starts"}


@pytest.mark.parametrize(
    "state", [{}, {"told": 5}, {"told": {"system": 5}}, {"told": {"system": ["x"]}}, {"told": {"system": [1, "x"]}}]
)
def test_a_memory_that_makes_no_sense_means_telling_everything(laptop: Fixture, state: dict[str, Any]) -> None:
    agent = Agent(laptop)

    agent.reporter.remember(state)

    assert agent.sections() == RARE | OFTEN


def test_what_the_server_wants_goes_once_and_again_only_after_an_hour(laptop: Fixture) -> None:
    agent = Agent(laptop)
    agent.report()

    agent.reporter.want(["software"])
    assert agent.is_wanted()
    assert "software" in agent.sections()
    agent.reporter.want(["software"])  # its fold has not got to it yet
    assert not agent.is_wanted()
    assert "software" not in agent.sections()
    laptop.go(3_600)
    agent.reporter.want(["software"])
    assert "software" in agent.sections()


def test_a_want_that_cannot_be_met_does_not_come_back_at_once(container: Fixture) -> None:
    (container.root / "etc/os-release").unlink()
    agent = Agent(container)

    agent.reporter.want(["system"])
    agent.report()
    agent.reporter.want(["system"])

    assert not agent.is_wanted()


def test_nothing_but_rare_sections_can_be_wanted(laptop: Fixture) -> None:
    agent = Agent(laptop)

    agent.reporter.want(["disks", "keystrokes", "", "use"])

    assert not agent.is_wanted()


def test_what_stood_in_a_lost_report_is_told_again_and_nothing_else(laptop: Fixture) -> None:
    agent = Agent(laptop)
    agent.report()
    laptop.write("/proc/sys/kernel/hostname", "renamed")
    agent.report()

    agent.reporter.lost([2])
    assert agent.sections() & (RARE | {"starts"}) == {"system"}
    agent.reporter.lost([1, 99])
    assert agent.sections() & (RARE | {"starts"}) == {"hardware", "software", "starts"}


def test_to_another_server_everything_is_told_again(laptop: Fixture) -> None:
    agent = Agent(laptop)
    agent.report()

    agent.reporter.forget()

    assert agent.sections() == RARE | OFTEN


def test_a_start_is_told_until_it_is_over(laptop: Fixture) -> None:
    over = laptop.programs["manager"]
    laptop.programs["manager"] = over.replace("Finish", "NotYet")
    agent = Agent(laptop)

    assert "to_settled_seconds" not in agent.report()["sections"]["starts"][0]
    laptop.programs["manager"] = over
    assert agent.report()["sections"]["starts"][0]["to_settled_seconds"] == 31.466
    assert "starts" not in agent.sections()


def test_a_start_that_could_not_be_read_is_tried_again(laptop: Fixture) -> None:
    printed = laptop.programs.pop("manager")
    agent = Agent(laptop)

    assert agent.report()["outcomes"]["starts"]["outcome"] == "failed"
    laptop.programs["manager"] = printed
    assert "starts" in agent.sections()


def test_a_device_without_a_record_of_its_start_says_so_and_starts_no_program(container: Fixture) -> None:
    assert Agent(container).report()["outcomes"]["starts"]["outcome"] == "absent"
    assert container.ran == []


def test_a_start_that_was_told_to_its_end_costs_no_program_any_more(laptop: Fixture) -> None:
    agent = Agent(laptop)
    agent.report()
    laptop.ran.clear()

    agent.report()

    assert laptop.ran == []


def test_losses_are_told_once_and_all_is_well_says_nothing(laptop: Fixture) -> None:
    agent = Agent(laptop)

    assert "agent" not in agent.report()["sections"]
    assert agent.report({"thinned_reports": 3, "spool_full": True})["sections"]["agent"] == {
        "thinned_reports": 3,
        "spool_full": True,
    }
    assert "agent" not in agent.report()["sections"]


def test_minutes_of_use_are_in_one_report_only(laptop: Fixture) -> None:
    agent = Agent(laptop)
    agent.sampler.sample()
    laptop.go(60, cpu=33)
    agent.sampler.sample()

    assert sum(agent.report()["sections"]["use"]["hours"][0]["cpu"]) == 1
    assert "use" not in agent.report()["sections"]


def test_without_software_titles_the_list_is_neither_read_nor_sent_and_said_to_be_absent(laptop: Fixture) -> None:
    agent = Agent(laptop, software_titles=False)

    report = agent.report()

    assert "software" not in report["sections"]
    assert report["outcomes"]["software"]["outcome"] == "absent"


def test_without_culprit_names_a_start_keeps_its_figures_alone(laptop: Fixture) -> None:
    (start,) = Agent(laptop, culprit_names=False).report()["sections"]["starts"]

    assert start["culprits"] == []
    assert start["to_settled_seconds"] == 31.466


def test_only_named_collectors_run_when_time_is_short(laptop: Fixture) -> None:
    collected = Agent(laptop).reporter.collect(("starts",))

    assert collected.sections.keys() == {"starts"}


def test_reports_stand_in_the_envelope_byte_for_byte_and_begin_with_their_id(laptop: Fixture) -> None:
    agent = Agent(laptop)
    one = agent.reporter.build(f"{STREAM}:1", agent.reporter.collect(), sampler=agent.sampler)

    body = envelope(laptop.machine, "7.7", reports=[one, one])

    assert one.startswith(b'{"report_id":"' + STREAM.encode() + b':1"')
    assert body.count(one) == 2
    head = json.loads(body)
    assert (head["sent_at"], head["monotonic_seconds"]) == ("2026-11-25T09:30:00.000Z", 93600.5)
    assert head["agent"]["version"] == "7.7"


def test_what_was_collected_for_a_report_that_was_never_built_is_told_by_the_next(laptop: Fixture) -> None:
    agent = Agent(laptop)
    agent.reporter.collect()

    agent.reporter.not_built()  # told to stop in the middle

    assert "starts" in agent.sections()
    assert "starts" not in agent.sections()
