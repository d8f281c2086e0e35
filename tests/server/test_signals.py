"""Signals out of rows: lower bounds, populations of sign-ins, how runs ended, memory by commit, paid updates."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.server.conftest import NOW

from muster_server.clock import DAY_MS
from muster_server.health.percentile import ranked
from muster_server.health.signals import DeviceInput, signals_of

MARKS = ("to_sign_in", "to_desktop", "to_usable", "to_settled")
QUIET = [[60, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def signals(**known: Any) -> dict[str, Any]:
    return signals_of(DeviceInput(device_id=1, **known), as_of=NOW, window_days=30)


def start(days_ago: int, seconds: float | None = None, *, bound: bool = False, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {f"{mark}_{part}": None for mark in MARKS for part in ("ms", "quality", "at_least")}
    row |= {"zero_at": NOW - days_ago * DAY_MS, "kind": "full", "after_update": False, "culprits": None}
    row |= {"stop_before": None, "stop_code": None}
    if seconds is not None:
        row |= {"to_usable_ms": round(1000 * seconds), "to_usable_quality": "own", "to_usable_at_least": bound}
    return {**row, **more}


def sign_in(days_ago: int, kind: str, **marks: tuple[float, str]) -> dict[str, Any]:
    row: dict[str, Any] = {f"{mark}_{part}": None for mark in MARKS for part in ("ms", "quality", "at_least")}
    for mark, (seconds, quality) in marks.items():
        row |= {f"{mark}_ms": round(1000 * seconds), f"{mark}_quality": quality, f"{mark}_at_least": False}
    return {**row, "at": NOW - days_ago * DAY_MS, "kind": kind}


@pytest.mark.parametrize(
    ("values", "median", "at_least"),
    [
        ([10, 20, 30, 40, 50], 30, False),
        ([10, 20, 30, 40, (50, True)], 30, False),  # whatever the longest is in truth, the median stays
        ([10, 20, (30, True), 40, 50], 30, True),
        ([(10, True), 20, 30, 40, 50], 30, True),  # in truth it may lie beyond the middle
        ([10, 20, 30, (30, True), 50], 30, True),
        ([10, 20, (30, True), 40], None, False),
    ],
)
def test_a_median_says_at_least_where_a_lower_bound_may_push_it_up(
    values: list[Any],
    median: int | None,
    at_least: bool,  # noqa: FBT001
) -> None:
    pairs = [value if isinstance(value, tuple) else (value, False) for value in values]

    assert ranked(pairs, 0.5) == (median, at_least)


def test_the_median_start_says_when_it_is_a_lower_bound() -> None:
    capped = [start(n, 2_700, bound=True) for n in range(1, 4)]
    found = signals(starts=[start(4, 40), start(5, 41), *capped])
    quick = signals(starts=[start(n, 40 + n) for n in range(5)])

    assert (found["start_median_ms"], found["start_median_at_least"]) == (2_700_000, True)
    assert (quick["start_median_ms"], quick["start_median_at_least"]) == (42_000, False)
    assert (found["start_p90_ms"], found["start_p90_at_least"]) == (None, None)


def test_sign_ins_of_different_kinds_marks_and_qualities_are_never_in_one_median() -> None:
    told = [
        *(sign_in(n, "first", to_usable=(200, "own")) for n in range(6)),
        *(sign_in(n, "cached", to_desktop=(8 + n, "estimated")) for n in range(5)),
        *(sign_in(n, "cached", to_usable=(30, "own"), to_desktop=(90, "own")) for n in range(4)),
        *(sign_in(n, "unlock", to_usable=(2, "own")) for n in range(9)),
        sign_in(40, "cached", to_usable=(500, "own")),
    ]
    found = signals(sign_ins=told)

    assert (found["sign_in_kind"], found["sign_in_mark"], found["sign_in_quality"]) == (
        "cached", "to_desktop", "estimated",
    )  # fmt: skip
    assert (found["sign_in_median_ms"], found["sign_in_samples"]) == (10_000, 5)
    assert found["sign_in_newest_at"] == NOW


def test_too_few_sign_ins_have_no_median_and_say_how_many_there_are() -> None:
    found = signals(sign_ins=[sign_in(n, "cached", to_usable=(30, "own")) for n in range(4)])

    assert (found["sign_in_median_ms"], found["sign_in_median_at_least"], found["sign_in_samples"]) == (None, None, 4)


def test_unexpected_stops_are_counted_and_unknown_ones_are_not_taken_for_none() -> None:
    told = [
        start(1, stop_before="clean"), start(2, stop_before="update"), start(3, stop_before="power_lost"), start(4),
        start(5, stop_before="bugcheck", stop_code="0x0000009f"), start(6, stop_before="bugcheck", stop_code="0x1a"),
        start(7, stop_before="bugcheck", stop_code="0x0000009f"), start(40, stop_before="unexpected"),
    ]  # fmt: skip
    found, silent = signals(starts=told), signals(starts=[start(1)])

    assert (found["unexpected_stops"], found["bugchecks"], found["stops_known"]) == (4, 3, 6)
    assert (found["bugcheck_code"], found["stops_newest_at"]) == ("0x0000009f", NOW - DAY_MS)
    assert (silent["unexpected_stops"], silent["bugchecks"], silent["stops_known"]) == (None, None, 0)


def day(n: int, **minutes: Any) -> dict[str, Any]:
    told = {"cpu": [60, *[0] * 11], **minutes} if minutes else None
    blank = {"disk_total_bytes": None, "disk_free_bytes": None, "battery": None, "read_at": None}
    return {"day_at": NOW - n * DAY_MS, "minutes": told, **blank}


def test_memory_is_short_by_little_available_or_by_much_committed_and_no_minute_counts_twice() -> None:
    available = [[0, 0, 6, 0], [0, 0, 0, 0], [0, 0, 0, 0], [54, 0, 0, 0]]
    committed = [[50, 0, 0, 0], [0, 0, 0, 0], [0, 0, 9, 0], [0, 1, 0, 0]]
    nearly_all = [[48, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 8, 4]]
    days = [
        day(1, memory_pressure=available, commit_pressure=committed),  # 6 minutes by the one, none by the other
        day(2, memory_pressure=QUIET, commit_pressure=nearly_all),  # 12 by the other
        day(3, memory_pressure=available, commit_pressure=nearly_all),  # at least 12
        day(4, memory_pressure=QUIET),
    ]
    found, old = signals(days=days), signals(days=[day(1, memory_pressure=available)])

    assert found["memory_short_ratio"] == (6 + 12 + 12) / 240
    assert found["memory_commit_ratio"] == 24 / 240
    assert found["memory_days"] == 4
    assert (old["memory_short_ratio"], old["memory_commit_ratio"]) == (0.1, None)


def test_waits_for_the_drive_are_a_share_of_the_minutes_in_which_it_worked() -> None:
    found = signals(days=[day(1, disk_wait=[30, 0, 0, 0, 0, 0, 8, 2]), day(2, cpu=[60, *[0] * 11])])

    assert (found["disk_wait_ratio"], found["disk_wait_days"]) == (0.25, 1)
    assert signals(days=[day(1, disk_wait=[0] * 8)])["disk_wait_ratio"] is None


@pytest.mark.parametrize(
    ("year", "held", "days"),
    [(None, None, 690), (0, False, 690), (1, False, 690), (2, True, 326), (3, True, 690), (9, True, 690)],
)
def test_paid_updates_of_windows_10_last_as_long_as_the_device_is_licensed(
    year: int | None,
    held: bool | None,  # noqa: FBT001
    days: int,
) -> None:
    system = {"os_family": "windows", "os_build": "19045.6456", "os_edition": "Enterprise", "esu_year": year}
    found = signals(sections={"system": (NOW, json.dumps(system))})

    assert (found["os_support"], found["os_extended_held"], found["os_extended_days"]) == ("extended_only", held, days)


def test_wear_and_warning_of_the_system_drive_and_the_checks_of_windows_11_are_signals() -> None:
    drive = {"name": "0", "system": True, "kind": "nvme", "wear_percent": 104, "failing": True, "size_bytes": 10**12}
    found = signals(sections={"hardware": (NOW, json.dumps({"drives": [drive], "tpm_version": "1.2"}))})

    assert (found["system_drive_wear_ratio"], found["system_drive_failing"]) == (1.04, True)
    assert found["windows11"] == "fail"
    assert json.loads(found["windows11_checks"])["TPM"] == "fail"
    assert (signals()["windows11"], signals()["windows11_checks"]) == (None, None)
