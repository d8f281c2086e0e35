"""Starts: systemd's timestamps become marks and phases, by the formulas of analyze-time-data.c."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.machine import Fixture

from muster_agent.collectors import COLLECTORS, run_collector, starts
from muster_agent.sources import systemd

STARTS = next(collector for collector in COLLECTORS if collector.name == "starts")
TIMES = list(systemd._MANAGER)
PHASES = ("firmware_seconds", "loader_seconds", "kernel_seconds", "initrd_seconds", "userspace_seconds")


def start_of(fixture: Fixture) -> dict[str, Any]:
    fixture.machine.notebook.clear()  # else it would be told once
    (start,) = starts.collect(fixture.machine) or []
    return start


def manager(**seconds: float) -> str:
    """What systemctl prints of the manager; times not named are zero."""
    known = {f"{name}TimestampMonotonic": round(value * 1e6) for name, value in seconds.items()}
    return "".join(f"{name}={known.get(name, 0)}\n" for name in TIMES)


def test_a_full_start_is_counted_from_the_kernel_and_firmware_and_loader_stand_before_it(laptop: Fixture) -> None:
    start = start_of(laptop)

    assert start["kind"] == "full"
    assert [start[phase] for phase in PHASES] == [5.855, 8.469, 1.874, 7.337, 22.255]
    assert (start["to_sign_in_seconds"], start["to_sign_in_quality"]) == (24.31, "measured")
    assert (start["to_settled_seconds"], start["to_settled_quality"]) == (31.466, "measured")


def test_the_kernels_zero_lies_before_all_time_awake_and_asleep(laptop: Fixture) -> None:
    assert start_of(laptop)["zero_at"] == "2026-11-24T07:29:59.500Z"


def test_without_uefi_firmware_and_loader_are_unknown_and_never_zero(desktop: Fixture) -> None:
    start = start_of(desktop)

    assert [start[phase] for phase in PHASES] == [None, None, 7.301, None, 305.179]
    assert start["to_settled_seconds"] == 312.48


def test_after_a_soft_reboot_the_start_counts_from_that_reboot_alone(tablet: Fixture) -> None:
    start = start_of(tablet)

    assert (start["kind"], start["stop_before"]) == ("soft_reboot", "clean")
    assert (start["to_settled_seconds"], start["to_sign_in_seconds"], start["userspace_seconds"]) == (18.75, 12.0, 13.5)
    assert start["zero_at"] == "2026-11-25T10:53:20.000Z"
    assert not {"firmware_seconds", "loader_seconds", "kernel_seconds", "initrd_seconds"} & start.keys()


def test_in_a_container_the_start_counts_from_userspace_and_the_hosts_phases_are_left_out(laptop: Fixture) -> None:
    laptop.programs["manager"] = manager(Firmware=14, Loader=8, Userspace=30_000, Finish=30_004.25)
    laptop.programs["sign_in_screen"] = "ActiveEnterTimestampMonotonic=0\n"

    start = start_of(laptop)

    assert (start["kind"], start["to_settled_seconds"], start["userspace_seconds"]) == ("full", 4.25, 4.25)
    assert start["zero_at"] == "2026-11-25T09:19:59.750Z"  # 600.25 s ago by the clock that systemd uses
    assert not {"firmware_seconds", "loader_seconds", "kernel_seconds", "to_sign_in_seconds"} & start.keys()


def test_a_start_that_is_not_finished_has_no_end_and_nobody_is_blamed_yet(laptop: Fixture) -> None:
    laptop.programs["manager"] = manager(Userspace=9.2, SecurityStart=9.3)

    start = start_of(laptop)

    assert "to_settled_seconds" not in start
    assert "culprits" not in start
    assert start["kernel_seconds"] == 9.2


def test_the_finish_of_the_start_before_a_soft_reboot_is_not_the_end_of_this_one(laptop: Fixture) -> None:
    laptop.programs["manager"] = manager(Userspace=505, Finish=31, SecurityStart=1, SoftRebootStart=500)

    assert "to_settled_seconds" not in start_of(laptop)


def test_the_slowest_units_come_first_and_those_after_the_start_or_under_a_second_are_left_out(laptop: Fixture) -> None:
    assert [(culprit["name"], culprit["seconds"]) for culprit in start_of(laptop)["culprits"]] == [
        ("NetworkManager-wait-online.service", 7.25),
        ("plymouth-quit-wait.service", 4.1),
        ("e2scrub_reap.service", 1.603),  # a script that ended without ever being active
        ("user@.service", 1.2),
    ]


def test_scripts_that_ended_and_units_that_gave_up_are_told_with_the_time_they_took() -> None:
    shown = "\n\n".join(
        f"Id={name}\nInactiveExitTimestampMonotonic={began}\nActiveEnterTimestampMonotonic={active}\n"
        f"InactiveEnterTimestampMonotonic={ended}"
        for name, began, active, ended in [
            ("daemon.service", 1_000_000, 4_000_000, 0),
            ("script.service", 1_000_000, 0, 6_500_000),
            ("again.service", 5_000_000, 2_000_000, 3_000_000),
            ("never.service", 0, 0, 0),
        ]
    )

    named = starts.culprits(systemd.parse_units(shown), 0, finish=9_000_000)

    assert [(culprit["name"], culprit["seconds"]) for culprit in named] == [
        ("script.service", 5.5),
        ("daemon.service", 3.0),
    ]


def test_what_may_name_a_person_in_a_unit_is_taken_out(desktop: Fixture) -> None:
    names = [culprit["name"] for culprit in start_of(desktop)["culprits"]]

    assert names == ["clamav-daemon.service", "a mount", "backup@.service", "a device"]


def test_a_start_keeps_its_id_and_another_start_of_the_same_kernel_has_another(tablet: Fixture) -> None:
    first = start_of(tablet)["start_id"]
    tablet.go(500)

    assert start_of(tablet)["start_id"] == first
    tablet.programs["manager"] = tablet.programs["manager"].replace("=3600000000", "=3590000000")
    assert start_of(tablet)["start_id"] != first


def test_figures_are_cut_to_the_millisecond_as_systemd_analyze_prints_them(laptop: Fixture) -> None:
    laptop.programs["manager"] = manager(Userspace=1.9999, Finish=3.9999, SecurityStart=2)

    start = start_of(laptop)

    assert (start["to_settled_seconds"], start["kernel_seconds"], start["userspace_seconds"]) == (3.999, 1.999, 2.0)


def test_a_start_goes_on_until_systemd_says_that_it_is_over(laptop: Fixture, tablet: Fixture) -> None:
    assert starts.progress(laptop.machine) == (93_600.5, True)
    assert starts.progress(tablet.machine) == (400.0, True)
    laptop.programs["manager"] = laptop.programs["manager"].replace("Finish", "NotYet")
    tablet.programs["manager"] = tablet.programs["manager"].replace("=3618750000", "=31000000")

    assert starts.progress(laptop.machine) == (93_600.5, False)
    assert starts.progress(tablet.machine) == (400.0, False)


def test_where_nobody_can_tell_a_start_is_over(laptop: Fixture, container: Fixture) -> None:
    assert starts.progress(container.machine) == (120.0, True)
    laptop.programs["manager"] = "nothing"
    assert starts.progress(laptop.machine) == (93_600.5, True)
    del laptop.programs["manager"]
    assert starts.progress(laptop.machine) == (93_600.5, True)


def test_without_systemd_starts_are_absent(container: Fixture) -> None:
    assert run_collector(container.machine, STARTS)[1]["outcome"] == "absent"
    assert container.ran == []


@pytest.mark.parametrize("printed", ["", "no figures\n", "UserspaceTimestampMonotonic=soon\n", "=\n=1\n"])
def test_a_systemd_that_does_not_tell_is_a_failure_and_not_a_device_without_one(laptop: Fixture, printed: str) -> None:
    laptop.programs["manager"] = printed

    section, outcome = run_collector(laptop.machine, STARTS)

    assert section is None
    assert (outcome["outcome"], outcome["problem"]) == ("failed", "ValueError")


def test_a_missing_systemctl_is_a_failure_that_says_so(laptop: Fixture) -> None:
    del laptop.programs["manager"]

    outcome = run_collector(laptop.machine, STARTS)[1]

    assert outcome["outcome"] == "failed"
    assert outcome["problem"] == "FileNotFoundError: No such file or directory"


@given(st.dictionaries(st.sampled_from(TIMES), st.integers(0, 10**15)))
def test_no_timestamps_give_a_negative_or_endless_figure(times: dict[str, int]) -> None:
    start = starts.phases({"UserspaceTimestampMonotonic": 1, **times})

    figures = [value for name, value in start.items() if name.endswith("_seconds") and value is not None]
    assert all(0 <= figure <= 1e9 for figure in figures)
    assert (start.get("firmware_seconds") or 0) <= 3_600


@given(st.text())
def test_whatever_systemctl_prints_is_parsed_into_numbers_or_nothing(printed: str) -> None:
    assert all(0 <= number <= 10**15 for number in systemd.parse_numbers(printed).values())
    assert all(name and began <= ready for name, began, ready in systemd.parse_units(printed))


@given(st.text(alphabet=st.characters(), max_size=300))
def test_a_units_name_keeps_nothing_of_its_instance(instance: str) -> None:
    assert systemd.unit_name(f"backup@{instance}.service") == "backup@.service"
    assert systemd.unit_name(f"{instance}.mount") == "a mount"


def test_systemds_word_for_never_is_no_number() -> None:
    assert systemd.parse_numbers("A=18446744073709551615\nB=12\nC=-1\nD=²\nE= 5\nF=" + "9" * 5_000) == {"B": 12}
