"""One small report a day while a device saves its battery or is on a metered connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.answering import MusterServer
from tests.fixtures.machine import Fixture
from tests.fixtures.windows_machine import WindowsFixture

from muster_agent.agenda import Agenda
from muster_agent.config import Settings
from muster_agent.loop import Agent
from muster_agent.sources.sparing import is_sparing, parse_default_routes
from muster_agent.thrift import SMALL

ROUTES = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
ROUTE = "{}\t{}\t0100000A\t0003\t0\t0\t700\t00000000\t0\t0\t0\n"
PROFILE = "/sys/firmware/acpi/platform_profile"


@pytest.fixture
def agent(laptop: Fixture, server: MusterServer, tmp_path: Path) -> Iterator[Agent]:
    settings = Settings(server_url=server.url, state_dir=str(tmp_path / "state"), enrolment_key="mk_sesame")
    agent = Agent(settings, laptop.machine)
    yield agent
    agent.close()


def live_a_day(agent: Agent, laptop: Fixture) -> None:
    """Let a day pass, as the loop does."""
    agenda = Agenda(laptop.elapsed_seconds, sample_seconds=60)
    for _ in range(96):
        agent._sample()
        agent._report(agenda)
        if agenda.send_at <= laptop.elapsed_seconds:
            agenda.sent(laptop.elapsed_seconds, agent._exchange())
        laptop.go(900)


def test_a_device_that_is_spared_sends_one_small_report_a_day_and_goes_on_counting(
    agent: Agent, laptop: Fixture, server: MusterServer
) -> None:
    laptop.write("/sys/class/power_supply/BAT0/status", "Discharging\n")
    laptop.write(PROFILE, "low-power\n")

    live_a_day(agent, laptop)
    live_a_day(agent, laptop)

    days = [report["collected_at"][:10] for report in server.reports]
    assert len(days) == len(set(days)) == 3
    assert all(set(report["outcomes"]) <= {*SMALL, "use"} for report in server.reports)
    assert len(server.reports[2]["sections"]["use"]["hours"]) >= 24


def test_a_device_that_is_spared_no_more_reports_at_its_pace_again_and_tells_all(
    agent: Agent, laptop: Fixture, server: MusterServer
) -> None:
    laptop.write("/proc/net/route", ROUTES + ROUTE.format("wwan0", "00000000"))
    laptop.write("/sys/class/net/wwan0/uevent", "DEVTYPE=wwan\nINTERFACE=wwan0\n")
    live_a_day(agent, laptop)
    few = len(server.reports)
    laptop.write("/proc/net/route", ROUTES + ROUTE.format("eth0", "00000000"))

    live_a_day(agent, laptop)

    assert few <= 2
    assert len(server.reports) == few + 96
    assert {"system", "hardware", "software"} <= server.reports[few]["sections"].keys()


@pytest.mark.parametrize(
    ("profile", "state", "expected"),
    [("low-power", "Discharging", True), ("low-power", "Charging", False), ("balanced", "Discharging", False)],
)
def test_linux_saves_its_battery_by_the_firmwares_profile(
    laptop: Fixture, profile: str, state: str, *, expected: bool
) -> None:
    laptop.write("/sys/class/power_supply/BAT0/status", state)
    laptop.write(PROFILE, profile)

    assert is_sparing(laptop.machine) is expected


def test_windows_tells_itself(laptop: Fixture) -> None:
    pc = WindowsFixture()
    assert not is_sparing(pc.machine)
    pc.windows.is_sparing = True
    assert is_sparing(pc.machine)
    laptop.machine.system = "macos"
    assert not is_sparing(laptop.machine)


@pytest.mark.parametrize(
    "table", ["", "Iface\n", "a\nb c d\n", ROUTES + ROUTE.format("../x", "00000000"), "\x00\n\x00"]
)
def test_a_table_of_routes_that_makes_no_sense_names_none(table: str) -> None:
    assert parse_default_routes(table) == []
