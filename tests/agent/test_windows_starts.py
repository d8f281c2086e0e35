"""Starts on Windows: what its logs and the registry tell, joined under one id."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.fixtures.windows_logs import full_boot, measured, shell_ready, shutdown, signed_in
from tests.fixtures.windows_machine import PERFORMANCE, SHELL, WindowsFixture, at, record, sample

from muster_agent.collectors import Collector, run_collector, starts, tell_again
from muster_agent.sources.machine_id import keyed_hash

ZERO = at("2026-11-24T07:00:00.200")
POST = r"SYSTEM\CurrentControlSet\Control\Session Manager\Power"
BITLOCKER = r"SOFTWARE\Policies\Microsoft\FVE"


@pytest.fixture
def pc() -> WindowsFixture:
    """A PC that was switched on at seven; its agent ran before."""
    made = WindowsFixture()
    made.machine.notebook["starts"] = {"first_at": ZERO - 86_400, "known": []}
    made.windows.logs["System"] = full_boot(ZERO, first=100, pin=0)
    return made


def told(pc: WindowsFixture) -> list[dict[str, Any]]:
    found = starts.collect(pc.machine)
    assert found is not None
    return found


def one(pc: WindowsFixture) -> dict[str, Any]:
    (start,) = told(pc)
    return start


def test_a_start_is_named_by_the_second_of_its_kernel_boot_record(pc: WindowsFixture) -> None:
    start = one(pc)

    assert start["kind"] == "full"
    assert start["zero_at"] == "2026-11-24T07:00:00.677Z"
    assert start["start_id"] == keyed_hash("start:full:2026-11-24T07:00:00.000Z")[:32]
    assert start["before_agent"] is False


def test_without_windows_own_measure_the_system_log_gives_an_estimate(pc: WindowsFixture) -> None:
    pc.windows.logs["System"].append(signed_in(ZERO + 3_600, first=140))
    pc.windows.logs[SHELL] = shell_ready(ZERO + 3_605, ZERO + 3_612, first=9)

    start = one(pc)

    # Services were up 13 s after the kernel; an hour later somebody signed in, and had a desktop 12 s after that.
    assert (start["to_sign_in_seconds"], start["to_sign_in_quality"]) == (13.0, "estimated")
    assert start["to_desktop_quality"] == "estimated"
    assert start["to_desktop_seconds"] == pytest.approx(13.0 + 12.0, abs=0.5)
    assert "to_settled_seconds" not in start
    assert "to_usable_seconds" not in start


def test_a_real_upgrade_of_windows_10_is_estimated_and_marked(pc: WindowsFixture) -> None:
    begun = at("2018-07-06T18:40:24.495732")
    pc.windows.logs["System"] = [
        *full_boot(at("2018-07-06T18:37:44.485817"), first=1, services_up=54.325),
        *shutdown(at("2018-07-06T18:40:13.233"), first=58, reason="0x80020003"),
        *full_boot(begun, first=66, services_up=13.152),
    ]

    before, upgraded = told(pc)

    assert (before["to_sign_in_seconds"], upgraded["to_sign_in_seconds"]) == (54.325, 13.152)
    assert (before["after_update"], upgraded["after_update"]) == (False, True)
    assert upgraded["stop_before"] == "update"


def test_event_100_comes_minutes_later_and_completes_the_start_under_its_id(pc: WindowsFixture) -> None:
    first = one(pc)
    pc.go(600)
    pc.windows.logs[PERFORMANCE] = [measured(ZERO + 0.45, number=1488)]

    second = one(pc)

    assert second["start_id"] == first["start_id"]
    assert (second["to_sign_in_seconds"], second["to_sign_in_quality"]) == (13.0, "measured")
    assert (second["to_desktop_seconds"], second["to_desktop_quality"]) == (25.0, "measured")
    assert (second["to_settled_seconds"], second["to_settled_quality"]) == (55.0, "measured")
    assert told(pc) == []


def test_event_100_alone_makes_a_start_of_an_unknown_kind_with_its_culprits(pc: WindowsFixture) -> None:
    pc.windows.logs = {PERFORMANCE: [sample("101-b-demo-app"), sample("100-b"), sample("101-b-tiworker")]}

    start = one(pc)

    assert start["kind"] == "unknown"
    assert start["start_id"] == keyed_hash("start:unknown:2026-08-16T22:28:43.000Z")[:32]
    assert start["zero_at"] == "2026-08-16T22:28:43.193Z"
    assert (start["to_desktop_seconds"], start["to_settled_seconds"]) == (25.314, 111.814)
    assert start["loader_seconds"] == 1.296
    assert [culprit["name"] for culprit in start["culprits"]] == ["demo-app.exe", "TiWorker.exe"]


def test_a_start_of_half_an_hour_is_recorded_as_one(pc: WindowsFixture) -> None:
    zero = at("2026-11-24T06:55:01.1")
    pc.windows.logs["System"] = full_boot(zero - 0.45, first=100, services_up=240.0)
    pc.windows.logs[PERFORMANCE] = [sample(name) for name in ("100-half-an-hour", "102-vfpext", "103-windefend")]

    start = one(pc)

    assert (start["kind"], start["to_settled_seconds"], start["to_settled_quality"]) == ("full", 1_800.0, "measured")
    assert start["to_desktop_seconds"] == 1_200.0
    assert start["culprits"] == [{"name": "VfpExt", "kind": "driver", "seconds": 8.403}]


def test_the_first_run_tells_the_years_that_the_logs_still_hold_as_before_the_agent() -> None:
    pc = WindowsFixture()
    weeks = [ZERO - 700_000 * week for week in range(450, 0, -1)]
    pc.windows.logs[PERFORMANCE] = [measured(zero, number=number) for number, zero in enumerate(weeks, 1)]

    history = told(pc)

    assert len(history) == 400
    assert len({start["start_id"] for start in history}) == 400
    assert all(start["before_agent"] for start in history)
    assert {start["to_settled_seconds"] for start in history} == {55.0}
    pc.go(900)
    assert told(pc) == []


def test_after_the_first_run_a_new_start_alone_is_told(pc: WindowsFixture) -> None:
    told(pc)
    pc.restart(off_seconds=30_000)
    pc.go(300)
    later = pc.wall_seconds - 300
    pc.windows.logs["System"] += [*shutdown(ZERO + 7_200, first=900), *full_boot(later, first=910)]

    start = one(pc)

    assert start["stop_before"] == "clean"
    assert start["zero_at"][:16] == "2026-11-24T16:20"


def test_what_was_told_is_remembered_through_a_restart_of_the_agent(pc: WindowsFixture) -> None:
    told(pc)
    pc.machine.notebook = json.loads(json.dumps(pc.machine.notebook))

    assert told(pc) == []


def test_what_was_lost_is_told_again_and_a_new_server_hears_everything(pc: WindowsFixture) -> None:
    pc.windows.logs["System"] += full_boot(ZERO + 9_000, first=200)
    ids = [start["start_id"] for start in told(pc)]

    tell_again(pc.machine, everything=False)
    assert [start["start_id"] for start in told(pc)] == ids[1:]
    tell_again(pc.machine, everything=True)
    assert [start["start_id"] for start in told(pc)] == ids


def test_a_cleared_log_is_read_from_its_beginning_and_repeats_nothing(pc: WindowsFixture) -> None:
    pc.windows.logs["System"] += full_boot(ZERO + 9_000, first=5_000)
    told(pc)
    pc.windows.logs["System"] = full_boot(ZERO + 20_000, first=1)
    pc.restart(off_seconds=20_000)

    start = one(pc)

    assert start["zero_at"] == "2026-11-24T12:33:20.677Z"


def test_a_late_record_joins_the_start_that_is_known_although_the_system_log_is_gone(pc: WindowsFixture) -> None:
    first = one(pc)
    pc.windows.logs = {"System": [], PERFORMANCE: [measured(ZERO + 40, number=7)]}
    pc.go(900)

    assert one(pc)["start_id"] == first["start_id"]


def test_a_record_of_another_minute_is_another_start(pc: WindowsFixture) -> None:
    first = one(pc)
    pc.windows.logs[PERFORMANCE] = [measured(ZERO + 100, number=7)]

    assert one(pc)["start_id"] != first["start_id"]


def test_nothing_is_read_while_nothing_happens(pc: WindowsFixture) -> None:
    told(pc)
    asked = pc.windows.queries
    for _ in range(20):
        pc.go(900)
        assert told(pc) == []

    assert pc.windows.queries == asked


def test_without_rights_to_windows_measure_the_rest_is_told_and_the_reason_said(pc: WindowsFixture) -> None:
    pc.windows.refused[PERFORMANCE] = 5

    section, outcome = run_collector(pc.machine, Collector("starts", starts.collect, rare=False))

    assert section[0]["to_sign_in_quality"] == "estimated"
    assert (outcome["outcome"], outcome["problem"]) == ("ok", f"{PERFORMANCE}: refused")
    # And in every later report, in which there is nothing new.
    assert (
        run_collector(pc.machine, Collector("starts", starts.collect, rare=False))[1]["problem"] == outcome["problem"]
    )


def test_when_neither_log_can_be_read_the_collector_fails_and_says_why(pc: WindowsFixture) -> None:
    pc.windows.refused.update({PERFORMANCE: 5, "System": 1722})

    section, outcome = run_collector(pc.machine, Collector("starts", starts.collect, rare=False))

    assert section is None
    assert outcome["outcome"] == "failed"
    assert "System: refused" in outcome["problem"]


def test_no_events_at_all_is_no_failure(pc: WindowsFixture) -> None:
    pc.windows.logs = {}

    section, outcome = run_collector(pc.machine, Collector("starts", starts.collect, rare=False))

    assert (section, outcome["outcome"], outcome["problem"]) == ([], "ok", None)


@pytest.mark.parametrize(
    ("extra", "found"),
    [
        ({}, {"firmware_seconds": 7.5, "loader_seconds": 1.3}),  # the registry's figure, event 100's loader
        ({"pin": 0, "firmware": 1}, {"firmware_seconds": 4.247, "loader_seconds": 1.571}),
        ({"pin": 900, "firmware": 1}, {"firmware_seconds": 4.247, "loader_seconds": 0.671}),
        ({"pin": 9_000}, {}),  # waited for, but nobody knows in which phase
        ({"pin": 9_000, "firmware": 1}, {}),  # waited for longer than the phase in which it should lie
    ],
)
def test_firmware_and_loader_are_told_without_a_persons_time_at_the_pin(
    pc: WindowsFixture, extra: dict[str, Any], found: dict[str, float]
) -> None:
    told_by_acpi = {
        "ResetEndStart": 0, "LoadOSImageStart": 4166, "StartOSImageStart": 4247, "ExitBootServicesEntry": 5817,
        "ExitBootServicesExit": 5818,
    }  # fmt: skip
    records = {**extra, "firmware": told_by_acpi} if "firmware" in extra else extra
    pc.key(POST, FwPOSTTime=7_500)
    pc.windows.logs = {
        "System": full_boot(ZERO, first=100, **records),
        PERFORMANCE: [measured(ZERO + 0.45, number=1)],
    }

    start = one(pc)

    phases = {name: start[name] for name in ("firmware_seconds", "loader_seconds") if name in start}
    assert phases == found


def test_a_disk_that_may_want_a_pin_and_no_word_on_the_wait_leave_both_unknown(pc: WindowsFixture) -> None:
    pc.key(POST, FwPOSTTime=7_500)
    pc.key(BITLOCKER, UseAdvancedStartup=1, UseTPMPIN=2)
    pc.windows.logs = {"System": full_boot(ZERO, first=100), PERFORMANCE: [measured(ZERO + 0.45, number=1)]}

    assert not {"firmware_seconds", "loader_seconds"} & one(pc).keys()


def test_the_firmwares_own_figure_belongs_to_the_latest_start_alone(pc: WindowsFixture) -> None:
    pc.key(POST, FwPOSTTime=7_500)
    pc.windows.logs["System"] += full_boot(ZERO + 9_000, first=200)

    earlier, latest = told(pc)

    assert "firmware_seconds" not in earlier
    assert latest["firmware_seconds"] == 7.5


def test_an_estimate_across_a_set_clock_is_none(pc: WindowsFixture) -> None:
    # As in a real log: time zone and clock set ten hours back, fifteen seconds after the start.
    pc.windows.logs["System"] += [
        record("Microsoft-Windows-Kernel-General", 1, record=120, at=ZERO - 35_985, Reason=1,
               OldTime="2026-11-24T07:00:15.0Z", NewTime="2026-11-23T21:00:15.0Z"),
        signed_in(ZERO - 35_900, first=140),
    ]  # fmt: skip
    pc.windows.logs[SHELL] = shell_ready(ZERO - 35_890, ZERO - 35_880, first=9)

    start = one(pc)

    assert start["to_sign_in_seconds"] == 13.0
    assert "to_desktop_seconds" not in start
