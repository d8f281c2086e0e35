"""The System log: kinds of starts, and how the run before each ended."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fixtures.windows_logs import full_boot, shutdown, signed_in
from tests.fixtures.windows_machine import BOOT, KERNEL, WAKE, at, iso, record

from muster_agent.sources.windows import system_log
from muster_agent.sources.windows.events import parse_event
from muster_agent.sources.windows.system_log import Boot, boots_of

EVENING, MORNING = at("2026-11-23T17:30:00"), at("2026-11-24T07:00:00")
CRASH = "Microsoft-Windows-WER-SystemErrorReporting"


def boots(*rows: str) -> list[Boot]:
    return boots_of([event for event in map(parse_event, rows) if event is not None])


def latest(*rows: str) -> Boot:
    return boots(*rows)[-1]


def wake(over: float, *, first: int, state: int = 5, **data: Any) -> str:
    about = {"WakeTime": iso(over), "WakeDuration": 2_500, "TargetState": state, "EffectiveState": state, **data}
    return record(WAKE, 1, record=first, at=over + 1.2, **about)


def fast_startup(zero: float, *, first: int) -> list[str]:
    """A kernel thawed: its clock was set by the hardware's, and the log's service was never restarted."""
    return [
        record(KERNEL, 1, record=first, at=zero, Reason=2, OldTime=iso(zero - 48_600), NewTime=iso(zero)),
        record(BOOT, 27, record=first + 1, at=zero, BootType=1),
        wake(zero + 2.5, first=first + 2, HiberReadDuration=3_200),
    ]


@pytest.mark.parametrize(("boot_type", "kind"), [(0, "full"), (1, "fast_startup"), (2, "resume"), (7, "unknown")])
def test_the_kind_is_the_boot_type(boot_type: int, kind: str) -> None:
    assert latest(record(BOOT, 27, record=9, at=MORNING, BootType=boot_type)).kind == kind


def test_a_boot_type_that_is_missing_is_not_taken_for_a_full_start() -> None:
    assert latest(record(BOOT, 27, record=9, at=MORNING)).kind == "unknown"


def test_without_a_boot_record_the_kernels_own_is_a_full_start() -> None:
    boot = latest(record(KERNEL, 12, record=9, at=MORNING + 0.4, StartTime=iso(MORNING)))

    assert (boot.kind, boot.zero, boot.named_at) == ("full", MORNING, MORNING)


def test_both_records_of_one_start_are_one_start() -> None:
    assert len(boots(*full_boot(MORNING, first=100))) == 1


def test_a_wake_from_hibernation_without_a_boot_record_is_a_resume_and_from_sleep_is_none() -> None:
    woken = boots(wake(MORNING, first=9), wake(MORNING + 3_600, first=12, state=4))

    assert [(boot.kind, boot.named_at, boot.zero) for boot in woken] == [("resume", MORNING, MORNING - 2.5)]


def test_the_wake_of_a_fast_startup_is_no_second_start() -> None:
    assert [boot.kind for boot in boots(*fast_startup(MORNING, first=300))] == ["fast_startup"]


def test_a_fast_startup_is_ready_when_its_wake_is_over_and_its_image_was_read_by_the_loader() -> None:
    boot = latest(*fast_startup(MORNING, first=300))

    assert system_log.estimated(boot) == {"to_sign_in_seconds": 2.5, "to_sign_in_quality": "estimated"}
    assert system_log.before_zero(boot, post_ms=6_100, loader_seconds=None, pin=False) == {
        "firmware_seconds": 6.1,
        "loader_seconds": 3.2,
    }


def test_the_clock_set_after_a_night_hibernated_does_not_spoil_the_sign_in() -> None:
    boot = latest(*fast_startup(MORNING, first=300), signed_in(MORNING + 20, first=310))

    assert system_log.first_sign_in(boot) == MORNING + 20


def test_the_logs_record_before_a_kernels_belongs_to_the_start_that_follows() -> None:
    first, second = boots(
        *full_boot(EVENING, first=100), *shutdown(EVENING + 60, first=111), *full_boot(MORNING, first=120)
    )

    assert system_log.estimated(first)["to_sign_in_seconds"] == 13.0
    assert system_log.estimated(second)["to_sign_in_seconds"] == 13.0


@pytest.mark.parametrize(
    ("dirty", "found"),
    [
        ({"BugcheckCode": 159, "PowerButtonTimestamp": 0}, {"stop_before": "bugcheck", "stop_code": "0x0000009f"}),
        ({"BugcheckCode": 0, "PowerButtonTimestamp": 0}, {"stop_before": "power_lost"}),
        ({"BugcheckCode": 0, "PowerButtonTimestamp": 133_000_000_000_000_000}, {"stop_before": "long_button_press"}),
        ({}, {"stop_before": "power_lost"}),
        ({"BugcheckCode": "lots"}, {"stop_before": "power_lost"}),
    ],
)
def test_an_unclean_end_is_told_by_the_kernels_power_record(dirty: dict[str, Any], found: dict[str, str]) -> None:
    rows = [*full_boot(EVENING, first=100), *full_boot(MORNING, first=200, dirty=dirty)]

    assert system_log.stop_before(latest(*rows)) == found


def test_a_crash_report_gives_the_code_that_the_power_record_lacks() -> None:
    report = record(CRASH, 1001, record=230, at=MORNING + 40, param1="0x0000001a (0x41792, 0x0, 0x0, 0x0)",
                    param2=r"C:\Users\jane.doe\MEMORY.DMP")  # fmt: skip
    boot = latest(*full_boot(MORNING, first=200, dirty={"BugcheckCode": 0}), report)

    assert system_log.stop_before(boot) == {"stop_before": "bugcheck", "stop_code": "0x0000001a"}


def test_an_end_without_the_kernels_word_is_unexpected() -> None:
    rows = full_boot(MORNING, first=200, dirty={})
    boot = latest(*[row for row in rows if "<EventID Qualifiers='32768'>41<" not in row])

    assert system_log.stop_before(boot) == {"stop_before": "unexpected"}


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("0x500ff", "clean"),
        ("0x80020003", "update"),  # operating system: upgrade, planned
        ("0x80020010", "update"),  # operating system: service pack, planned
        ("0x80030002", "clean"),  # software: installation
        ("", "clean"),
        ("whatever", "clean"),
    ],
)
def test_an_orderly_end_is_clean_or_for_an_update(reason: str, stop: str) -> None:
    ended = shutdown(EVENING + 9_000, first=150, reason=reason)
    boot = latest(*full_boot(EVENING, first=100), *ended, *full_boot(MORNING, first=200))

    assert system_log.stop_before(boot) == {"stop_before": stop}


def test_a_fast_startup_was_shut_down_cleanly_and_a_resume_ended_nothing() -> None:
    assert system_log.stop_before(latest(*fast_startup(MORNING, first=300))) == {"stop_before": "clean"}
    assert system_log.stop_before(latest(wake(MORNING, first=9))) == {}


def test_how_the_run_before_the_oldest_record_ended_is_not_guessed() -> None:
    rows = [row for row in full_boot(MORNING, first=200) if "LastShutdownGood" not in row]

    assert system_log.stop_before(latest(*rows)) == {}


def test_another_build_of_the_kernel_is_a_start_after_an_update() -> None:
    old, same, new = boots(
        *full_boot(EVENING, first=100),
        *full_boot(EVENING + 9_000, first=200),
        *full_boot(MORNING, first=300, build={"QfeVersion": 7_171}),
    )

    assert not system_log.after_update(same, [old])
    assert system_log.after_update(new, [old, same])


def test_without_the_start_before_nothing_is_said_of_an_update() -> None:
    assert not system_log.after_update(latest(*full_boot(MORNING, first=200)), [])


@pytest.mark.parametrize(
    "times",
    [
        {"StartOSImageStart": 4_247_000_000, "ExitBootServicesExit": 5_818_000_000},  # nanoseconds
        {"StartOSImageStart": 5_818, "ExitBootServicesExit": 4_247},
        {"StartOSImageStart": 0, "ExitBootServicesExit": 0},
        {},
    ],
)
def test_firmware_times_that_cannot_be_are_none(times: dict[str, int]) -> None:
    boot = latest(*full_boot(MORNING, first=100, pin=0, firmware=times))

    assert system_log.before_zero(boot, post_ms=None, loader_seconds=None, pin=False) == {}
