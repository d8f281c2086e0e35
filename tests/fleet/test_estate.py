"""The estate itself: the same seed gives the same devices, lives and reports, whatever is asked first."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from tests.fleet.estate import RATES, Device, make_device, truth
from tests.fleet.life import DAY, HOUR, Life
from tests.fleet.reports import RARE, Reporter
from tests.fleet.timeline import QUARTER, Timeline, Window, history

NOON = 1_790_078_400_000  # 2026-09-22, a Tuesday
ESTATE = [make_device(1, number) for number in range(2_000)]


def reporter(number: int, seed: int = 1) -> Reporter:
    return Reporter(Life(make_device(seed, number), NOON))


def test_the_same_seed_gives_the_same_devices_and_another_seed_others() -> None:
    assert [make_device(1, number) for number in range(2_000)] == ESTATE
    assert [make_device(2, number) for number in range(100)] != ESTATE[:100]


def test_no_two_devices_share_a_name_or_a_part() -> None:
    for field in ("smbios_uuid", "system_serial", "disk_serial", "hardware_hash"):
        assert len({device.hints[field] for device in ESTATE}) == len(ESTATE)
    assert len({device.hostname for device in ESTATE}) == len(ESTATE)


@pytest.mark.parametrize("number", range(0, 200, 7))
def test_a_report_is_the_same_to_the_byte_whatever_was_asked_before(number: int) -> None:
    windows = list(history(NOON, 30).windows(0, NOON))
    forwards, backwards = reporter(number), reporter(number)

    first = [forwards.report(window, RARE) for window in windows]

    assert [backwards.report(window, RARE) for window in reversed(windows)] == first[::-1]
    assert reporter(number, seed=2).report(windows[-1], RARE) != first[-1]


def test_every_fault_is_planted_at_its_rate_where_it_can_be() -> None:
    planted = Counter(fault for device in ESTATE for fault in device.faults)
    portable = sum(device.model.battery_wh > 0 for device in ESTATE)

    assert set(planted) == set(RATES)
    assert planted["old_system"] / len(ESTATE) == pytest.approx(RATES["old_system"], abs=0.02)
    assert planted["worn_cell"] / portable == pytest.approx(RATES["worn_cell"], abs=0.02)


def test_the_truth_tells_whose_evidence_cannot_be_known() -> None:
    told = truth(ESTATE)

    assert {host for host, faults in told.items() if faults} == {d.hostname for d in ESTATE if d.faults}
    blind = [d for d in ESTATE if "worn_cell" in d.faults and (d.broken == ("battery", "failed") or d.silent_days > 7)]
    assert blind
    assert not any(told[device.hostname]["worn_cell"] for device in blind)


def test_minutes_of_a_day_are_the_same_told_at_once_or_by_the_quarter() -> None:
    life = Life(next(device for device in ESTATE if device.shift == "always"), NOON)
    quarters = [Window(1, at, at + QUARTER) for at in range(NOON - DAY, NOON, QUARTER)]

    def minutes(windows: list[Window]) -> int:
        told = [msgspec.json.decode(Reporter(life).report(window)) for window in windows]
        hours = [hour for report in told for hour in report["sections"]["use"]["hours"]]
        return sum(sum(hour.get("cpu", [])) + hour.get("suspended", 0) for hour in hours)

    assert minutes(quarters) == minutes([Window(1, NOON - DAY, NOON)]) == DAY // 60_000


def test_a_start_is_told_in_pieces_and_whole_in_the_end() -> None:
    slow = next(d for d in ESTATE if "slow_service" in d.faults and d.model.family == "windows" and not d.broken)
    life = Life(slow, NOON)
    start = next(start for day in life.days(NOON - 7 * DAY, NOON) for start in day.starts)
    begins_at = start.zero_at - QUARTER + 300_000 + Reporter.phase_of(slow)
    pieces = [
        json.loads(Reporter(life).report(Window(n, begins_at + n * QUARTER, begins_at + (n + 1) * QUARTER)))
        for n in range(3)
    ]
    told = [start for piece in pieces for start in piece["sections"].get("starts", ())]

    assert "to_usable_seconds" not in told[0]
    assert told[-1]["to_usable_seconds"] > 500
    assert told[-1]["culprits"][0]["seconds"] > 500
    assert len({start["start_id"] for start in told}) == 1


def told_by(device: Device, days: int = 30) -> list[dict[str, Any]]:
    """Sections of so many days of reports, the inventory in the last."""
    windows = list(history(NOON, days).windows(0, NOON))
    rare = {windows[-1].sequence: RARE}
    reports = [Reporter(Life(device, NOON)).report(window, rare.get(window.sequence, ())) for window in windows]
    return [msgspec.json.decode(report)["sections"] for report in reports]


def test_phases_of_a_windows_start_add_up_to_its_desktop_and_with_settling_to_the_end() -> None:
    sound = next(d for d in ESTATE if d.model.family == "windows" and not d.faults)
    told = [start for sections in told_by(sound) for start in sections.get("starts", ())]
    whole = [start for start in told if "to_settled_seconds" in start]

    assert len(whole) > 15
    for start in whole:
        phases = ("kernel", "session", "sign_in_other", "machine_policy", "user_policy", "shell")
        desktop = sum(start[f"{phase}_seconds"] for phase in phases)
        assert desktop == pytest.approx(start["to_desktop_seconds"], abs=0.01)
        assert desktop + start["settling_seconds"] == pytest.approx(start["to_settled_seconds"], abs=0.01)


def test_each_sign_in_is_told_once_with_the_kind_that_its_system_can_tell() -> None:
    shared = next(d for d in ESTATE if d.model.family == "windows" and d.shift == "shift" and not d.faults)
    linux = next(d for d in ESTATE if d.model.family == "linux" and not d.faults)
    told = [sign_in for sections in told_by(shared) for sign_in in sections.get("sign_ins", ())]

    assert len({sign_in["sign_in_id"] for sign_in in told}) == len(told) > 20
    assert {"cached", "first", "roaming"} >= {sign_in["kind"] for sign_in in told} > {"cached"}
    kinds = {sign_in["kind"] for sections in told_by(linux) for sign_in in sections.get("sign_ins", ())}
    assert kinds == {"unknown"}


def test_a_few_starts_are_lower_bounds_and_a_few_runs_ended_in_another_way_than_they_should() -> None:
    told = [
        (device, start)
        for device in ESTATE[:60]
        if not device.faults
        for sections in told_by(device)
        for start in sections.get("starts", ())
    ]
    bounds = {start["start_id"] for _, start in told if start.get("lower_bounds")}
    stops = Counter(start.get("stop_before") for _, start in told)

    assert 0 < len(bounds) < 0.02 * len(told)
    assert all("to_settled_seconds" not in start for _, start in told if start.get("lower_bounds"))
    assert stops["clean"] > 20 * (stops["power_lost"] + stops["unexpected"]) > 0
    crashed = Counter(device.number for device, start in told if start.get("stop_before") == "bugcheck")
    assert crashed.most_common(1)[0][0] % 40 == 7


def test_a_system_grows_once_a_month_and_says_so_then() -> None:
    current = next(device for device in ESTATE if device.system.build == "26200" and not device.silent_days)
    reporter = Reporter(Life(current, NOON))
    told = [json.loads(reporter.report(window))["sections"] for window in history(NOON, 150).windows(0, NOON)]
    builds = [sections["system"]["os_build"] for sections in told if "system" in sections]

    assert len(builds) == len(set(builds)) == 5
    assert builds == sorted(builds)
    assert 5 <= sum(sections["restart"]["pending"] for sections in told) <= 6


def test_a_time_line_has_no_gap_and_counts_its_reports() -> None:
    windows = list(history(NOON, 180).windows(0, NOON))

    assert [window.sequence for window in windows] == list(range(1, 373))
    assert all(one.ends_at == next_one.begins_at for one, next_one in pairwise(windows))
    assert [w.ends_at - w.begins_at for w in windows] == [DAY] * 180 + [QUARTER] * 192


def test_a_pause_of_days_is_told_by_the_day_and_leaves_earlier_reports_as_they_were() -> None:
    line = history(NOON, 10)
    stopped_at = NOON + 3 * HOUR
    later = stopped_at + 9 * DAY
    before = list(line.windows(0, stopped_at))

    resumed = line.resumed(stopped_at, later)
    missed = list(resumed.windows(stopped_at, later))

    assert list(resumed.windows(0, stopped_at)) == before
    assert missed[0].sequence == before[-1].sequence + 1
    assert [w.ends_at - w.begins_at for w in missed] == [DAY] * 7 + [QUARTER] * 192
    assert line.resumed(stopped_at, stopped_at + DAY) == line
    assert isinstance(resumed, Timeline)


def test_the_estate_knows_nothing_of_the_server() -> None:
    program = "import sys, tests.fleet.__main__; print([m for m in sys.modules if m.startswith('muster')])"

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"[]\n"
