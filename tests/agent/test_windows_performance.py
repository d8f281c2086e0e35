"""Windows' own measure of its starts: every figure here was worked out by hand from the record beside it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fixtures.windows_machine import record, sample

from muster_agent.sources.windows.events import Event, parse_event
from muster_agent.sources.windows.performance import Measured, culprits_of, parse_culprit, parse_start

PROVIDER = "Microsoft-Windows-Diagnostics-Performance"


def event(name: str) -> Event:
    found = parse_event(sample(name))
    assert found is not None
    return found


def start(name: str) -> Measured:
    found = parse_start(event(name))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("100-a", (13.156, 24.437, 51.237, 1.308)),
        ("100-b", (13.596, 25.314, 111.814, 1.296)),
        ("100-c", (24.911, 71.887, 110.987, 5.6)),
        ("100-d", (36.087, 151.68, 165.331, 3.923)),
        ("100-half-an-hour", (310.0, 1_200.0, 1_800.0, 21.5)),
    ],
)
def test_marks_are_winlogons_start_the_main_path_and_the_boot_time(name: str, seconds: tuple[float, ...]) -> None:
    found = start(name).found

    names = ("to_sign_in_seconds", "to_desktop_seconds", "to_settled_seconds", "loader_seconds")
    assert tuple(found[mark] for mark in names) == seconds
    assert {found[f"{mark}_quality"] for mark in ("to_sign_in", "to_desktop", "to_settled")} == {"measured"}
    assert found["after_update"] is False


@pytest.mark.parametrize(
    ("name", "phases"),
    [  # kernel, session, sign-in other, machine policy, user policy, shell, settling
        ("100-a", (2.193, 10.962, 0.997, 0.152, 5.4, 4.731, 26.8)),
        ("100-b", (2.371, 11.224, 0.998, 0.167, 5.336, 5.215, 86.5)),
        ("100-c", (13.457, 11.453, 46.838, 0.001, 0.137, 0.0, 39.1)),
        ("100-d", (14.143, 21.943, 4.03, 2.947, 4.098, 104.515, 13.651)),
        ("100-half-an-hour", (41.2, 268.8, 44.5, 180.0, 365.5, 300.0, 600.0)),
    ],
)
def test_phases_add_up_to_the_desktop_and_with_settling_to_the_whole(name: str, phases: tuple[float, ...]) -> None:
    found = start(name).found

    shown = [found[phase] for phase in PHASES]
    assert tuple(shown) == phases
    assert sum(shown[:-1]) == pytest.approx(found["to_desktop_seconds"], abs=0.006)
    assert sum(shown) == pytest.approx(found["to_settled_seconds"], abs=0.006)


PHASES = (
    "kernel_seconds", "session_seconds", "sign_in_other_seconds", "machine_policy_seconds", "user_policy_seconds",
    "shell_seconds", "settling_seconds",
)  # fmt: skip


def test_a_night_at_the_sign_in_screen_is_no_part_of_a_start() -> None:
    left = event("100-a").data

    assert (left["BootStartTime"][:13], left["BootEndTime"][:13]) == ("2026-08-17T20", "2026-08-18T09")
    assert start("100-a").found["to_settled_seconds"] < 60


def test_the_older_form_of_the_record_tells_its_marks_but_no_phases() -> None:
    newer = ("WinLogonStartTimeMS", "SessionInitStartTimeMS", "OtherLogonInitActivityDuration", "OSLoaderDuration")
    old = event("100-c")
    found = parse_start(old._replace(data={n: v for n, v in old.data.items() if n not in newer}))

    assert found is not None
    assert (found.found["to_desktop_seconds"], found.found["to_settled_seconds"]) == (71.887, 110.987)
    assert not {"to_sign_in_seconds", "kernel_seconds", "shell_seconds", "loader_seconds"} & found.found.keys()


@pytest.mark.parametrize(
    "damage",
    [
        {"BootTime": "0"},
        {"BootTime": "51999"},  # is not the sum of its parts
        {"BootTime": "7200001", "MainPathBootTime": "7173201"},  # over two hours
        {"BootTime": "-51237"},
        {"BootTime": "51237.0"},
        {"MainPathBootTime": ""},
        {"BootStartTime": "yesterday"},
        {"BootStartTime": "1601-01-01T00:00:00.0Z"},
    ],
)
def test_no_figure_is_made_of_a_damaged_record(damage: dict[str, str]) -> None:
    whole = event("100-a")

    assert parse_start(whole._replace(data={**whole.data, **damage})) is None


def test_phases_that_do_not_add_up_are_left_out_and_the_marks_are_kept() -> None:
    whole = event("100-a")
    found = parse_start(whole._replace(data={**whole.data, "BootExplorerInitTime": "47310"}))

    assert found is not None
    assert found.found["to_desktop_seconds"] == 24.437
    assert "shell_seconds" not in found.found


def test_the_first_start_after_an_update_says_so() -> None:
    whole = event("100-b")
    found = parse_start(whole._replace(data={**whole.data, "BootIsRebootAfterInstall": "true"}))

    assert found is not None
    assert found.found["after_update"] is True


def test_culprits_are_joined_to_their_start_by_its_time_as_written_and_the_slowest_stands_first() -> None:
    names = ("101-b-tiworker", "101-b-demo-app", "102-vfpext", "103-windefend", "200-shutdown", "100-b")
    found = culprits_of([event(name) for name in names])

    assert found[start("100-b").key] == [
        {"name": "demo-app.exe", "kind": "application", "seconds": 31.081},
        {"name": "TiWorker.exe", "kind": "application", "seconds": 5.498},
    ]
    # 326 ms of a service slow nobody.
    assert found[start("100-half-an-hour").key] == [{"name": "VfpExt", "kind": "driver", "seconds": 8.403}]


def test_the_same_culprit_noted_twice_counts_once_with_its_longer_time() -> None:
    once, more = event("101-b-tiworker"), event("101-b-tiworker")
    found = culprits_of([once, more._replace(data={**more.data, "TotalTime": "9000"})])

    assert [culprit["seconds"] for culprit in found[start("100-b").key]] == [9.0]


def slow(number: int, **data: object) -> Any:
    found = parse_event(record(PROVIDER, number, record=9, at=1.7e9, StartTime="2026-08-16T22:28:43Z", **data))
    assert found is not None
    parsed = parse_culprit(found)
    return parsed and parsed[1]


@pytest.mark.parametrize(
    ("number", "data", "name", "kind"),
    [
        (101, {"Name": r"C:\Users\jdoe\AppData\tool.exe"}, "tool.exe", "application"),
        (101, {"Name": r"tool.exe --user jdoe /path C:\Users\jdoe"}, "tool.exe", "application"),
        (101, {"Name": ""}, "a program", "application"),
        (103, {"Name": "S-1-5-21-1-2-3-1001"}, "a service", "service"),
        (103, {"Name": "jane.doe@force.police.uk"}, "a service", "service"),
        (107, {"Name": ""}, "computer policy", "policy"),
        (108, {"Name": ""}, "user policy", "policy"),
        (109, {"Name": r"USB\VID_0781\4C530001", "FriendlyName": "SanDisk Ultra"}, "SanDisk Ultra", "device"),
        (109, {"Name": r"USB\VID_0781\4C530001"}, "a device", "device"),
        (106, {}, "background optimisation", "other"),
    ],
)
def test_a_culprit_has_a_base_name_or_else_the_name_of_its_kind(
    number: int, data: dict[str, object], name: str, kind: str
) -> None:
    assert slow(number, TotalTime=4200, **data) == {"name": name, "kind": kind, "seconds": 4.2}


def test_a_culprit_without_a_time_is_none() -> None:
    assert slow(101, Name="tool.exe") is None
    assert slow(101, Name="tool.exe", TotalTime="a while") is None
