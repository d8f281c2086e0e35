"""What pages make of figures: words, charts, reasons and remedies. Pure functions, no store."""

from __future__ import annotations

from typing import Any

import pytest
from tests.server.conftest import NOW

from muster_server.clock import DAY_MS, HOUR_MS
from muster_server.fold.marks import MARKS, PHASES, SIGN_IN_PARTS
from muster_server.health import estate
from muster_server.health.findings import Evidence, Finding
from muster_server.web import words
from muster_server.web.charts import Point, columns, meter, stacked
from muster_server.web.remedies import REMEDIES, missing
from muster_server.web.sign_ins_view import sign_ins_view
from muster_server.web.starts_view import starts_view
from muster_server.web.use_view import disk_chart, use_view


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (None, "not known"), (0, "0.0 s"), (4_240, "4.2 s"), (9_960, "10 s"), (59_400, "59 s"), (59_600, "1 min"),
        (125_000, "2 min 5 s"), (3_599_600, "1 h"), (3_840_000, "1 h 4 min"),
    ],
)  # fmt: skip
def test_durations_are_said_as_people_say_them(milliseconds: int | None, said: str) -> None:
    assert words.seconds(milliseconds) == said


@pytest.mark.parametrize(
    ("ratio", "said"),
    [(None, "not known"), (0, "0 %"), (0.004, "under 1 %"), (0.5, "50 %"), (0.996, "over 99 %"), (1, "100 %")],
)
def test_a_share_is_never_rounded_to_nothing_or_to_all(ratio: float | None, said: str) -> None:
    assert words.percent(ratio) == said


@pytest.mark.parametrize(
    ("byte_count", "said"),
    [
        (None, "not known"),
        (0, "0 B"),
        (1_023, "1023 B"),
        (1_536, "1.5 KiB"),
        (476 * 2**30, "476 GiB"),
        (2**60, "1024 PiB"),
    ],
)
def test_sizes_take_the_largest_unit_that_leaves_one(byte_count: int | None, said: str) -> None:
    assert words.size(byte_count) == said


def test_ages_counts_moments_and_clocks_read_well() -> None:
    ages = [words.age(NOW - ago, NOW) for ago in (0, 59_000, 90_000, 3 * HOUR_MS, DAY_MS, 40 * DAY_MS)]
    assert ages == ["0 s ago", "59 s ago", "1 min ago", "3 h ago", "1 day ago", "40 days ago"]
    assert (words.age(None, NOW), words.age(NOW + 5, NOW)) == ("never", "0 s ago")
    assert [words.count(n, "device") for n in (0, 1, 1_204)] == ["0 devices", "1 device", "1,204 devices"]
    assert (words.count(1_204), words.count(None)) == ("1,204", "not known")
    assert (words.day(NOW), words.moment(NOW), words.day(None)) == ("20 Nov 2026", "20 Nov 2026, 12:00", "not known")
    skews = [words.skew(ms) for ms in (None, 1_500, 90_000, -7_200_000)]
    assert skews == ["not known", "right within 2 s", "1 min 30 s ahead", "2 h behind"]
    assert (words.minutes(59), words.minutes(120), words.minutes(None)) == ("59 min", "2 h", "not known")


def test_evidence_is_read_in_its_unit_and_what_is_missing_is_not_known() -> None:
    pairs = [
        (600.0, "seconds"),
        (0.04, "ratio"),
        (2**30, "bytes"),
        (-137, "days"),
        (214, "count"),
        ("hdd", "text"),
        (True, "text"),
    ]
    assert [words.evidence_value(value, unit) for value, unit in pairs] == [
        "10 min", "4 %", "1.0 GiB", "-137 days", "214", "hard disk", "yes",
    ]  # fmt: skip
    assert words.evidence_value(None, "seconds") == "not known"


def test_code_in_a_sentence_is_marked_and_everything_else_escaped() -> None:
    assert words.marked("Run `muster doctor` <now>") == "Run <code>muster doctor</code> &lt;now&gt;"


def test_columns_mark_what_is_over_the_limit_and_leave_out_what_is_not_known() -> None:
    points = [Point("a", 10.0, "10"), Point("b", None, "not known"), Point("c", 50.0, "50"), Point("d", 0.0, "0")]
    chart = columns("T", points, heads=("What", "How much"), written=str, limit=40.0)

    assert [(shape.kind, round(shape.x, 2), shape.height) for shape in chart.shapes] == [
        ("bar", 0.12, 20.0), ("over", 2.12, 100.0), ("bar", 3.12, 0.0),
    ]  # fmt: skip
    assert chart.limit == 20.0
    assert chart.describes == "3 of 4 known, from 0.0 to 50.0; 1 at or over the limit of 40.0."
    assert chart.table == [("a", "10"), ("b", "not known"), ("c", "50"), ("d", "0")]


def test_charts_of_nothing_say_so() -> None:
    chart = columns("T", [], heads=("a", "b"), written=str)
    assert (chart.shapes, chart.describes) == ([], "Nothing is known yet.")
    assert stacked("T", {}, heads=("a", "b"), kinds={}).describes == "T: nothing."


def test_the_parts_of_a_bar_fill_it() -> None:
    chart = stacked("T", {"fix": 1, "keep": 3, "replace": 0}, heads=("a", "b"), kinds={"fix": "fix"})

    assert [(shape.x, shape.width, shape.kind) for shape in chart.shapes] == [(0, 25, "fix"), (25, 75, "other")]
    assert meter(1.7)[0].width == 100


def _line(**differs: Any) -> dict[str, Any]:
    signals = {signal: None for signal, _ in estate.FACTS.values()}
    known = {"device_id": 1, "reported_at": NOW, "start_samples": 0, "error": None, "verdict": "unknown"}
    return {**signals, **known, **differs}


def test_every_reason_that_the_snapshot_gives_has_a_remedy() -> None:
    lines = [
        _line(), _line(reported_at=None), _line(reported_at=NOW - 40 * DAY_MS), _line(start_samples=3),
        _line(error="failed"), _line(verdict=None),
    ]  # fmt: skip
    given: set[str] = set()
    for outcome in ("ok", "absent", "failed", None):
        told = {collector: {"outcome": outcome} for _, collector in estate.FACTS.values()} if outcome else {}
        for line in lines:
            for fact in estate.coverage([line], {1: told}, now=NOW):
                given |= set(fact.missing)

    assert given == set(REMEDIES)


def test_a_device_says_why_a_section_is_missing() -> None:
    failed = {"battery": {"outcome": "failed", "problem": "PermissionError"}}
    assert missing(failed, "battery", reported_at=NOW)[0] == "the collector failed: PermissionError"
    assert missing({}, "battery", reported_at=None)[0] == "never reported"
    assert missing({"battery": {"outcome": "absent"}}, "battery", reported_at=NOW)[0] == "not present on this device"
    assert missing({}, "software", reported_at=NOW)[0] == "not sent yet"


def _start(days_ago: int, **marks: tuple[int, str]) -> dict[str, Any]:
    row: dict[str, Any] = {"zero_at": NOW - days_ago * DAY_MS, "kind": "full", "culprits": None}
    row.update(before_agent=False, after_update=True, stop_before=None, stop_code=None)
    for mark in MARKS:
        row[f"{mark}_ms"], row[f"{mark}_quality"] = marks.get(mark, (None, None))
        row[f"{mark}_at_least"] = None
    return {**row, **dict.fromkeys(PHASES)}


def test_starts_of_different_marks_and_qualities_are_never_in_one_chart() -> None:
    rows = [
        *(_start(n, to_usable=(60_000 + n, "own"), to_settled=(90_000, "measured")) for n in range(1, 6)),
        _start(9, to_settled=(200_000, "measured")), _start(10, to_settled=(100_000, "own")), _start(11),
    ]  # fmt: skip
    told = {"Measured until": "to_usable", "Kind of start": "full", "Quality of the measurement": "own"}
    evidence = [Evidence(label="Median start", value=60.0, unit="seconds", threshold=120.0)]
    evidence += [Evidence(label=label, value=value, unit="text") for label, value in told.items()]
    named: dict[str, Any] = {"rule_id": "slow_start", "title": "Slow start", "sentence": "", "clears": ""}
    slow = Finding(version=1, state="under", suggests="fix", weight=1, evidence=evidence, **named)
    view = starts_view(rows, slow=slow, now=NOW)

    assert [(g.mark, g.quality, g.count, g.median.value, g.scored) for g in view.groups] == [
        ("to_usable", "own", 5, 60_003, True),
        ("to_settled", "measured", 1, None, False),
        ("to_settled", "own", 1, None, False),
    ]  # fmt: skip
    assert view.groups[0].said == "median 1 min"
    assert view.groups[0].chart.limit_says == "limit 2 min"
    assert len(view.rows) == 8
    assert [row["when"].startswith("about") for row in view.rows] == [False] * 5 + [True] * 3


def test_a_start_that_is_a_lower_bound_says_at_least_and_so_does_its_median() -> None:
    capped = [{**_start(n, to_usable=(2_700_000, "own")), "to_usable_at_least": True} for n in range(3)]
    view = starts_view([*capped, _start(4, to_usable=(40_000, "own")), _start(5, to_usable=(50_000, "own"))],
                       slow=None, now=NOW)  # fmt: skip

    assert view.groups[0].said == "median at least 45 min; 3 took at least as long as shown"
    assert [said for _, said in view.groups[0].chart.table].count("at least 45 min") == 3
    assert view.rows[0]["marks"][2] == (2_700_000, "own", True)


def test_phases_stand_on_each_other_in_the_order_in_which_they_come() -> None:
    windows = {"kernel_ms": 2_000, "session_ms": 11_000, "shell_ms": 5_000, "settling_ms": 0}
    view = starts_view([{**_start(1), **windows}, {**_start(2), "kernel_ms": 36_000}, _start(3)], slow=None, now=NOW)

    assert view.phases is not None
    assert [(shape.kind, round(shape.y, 1), round(shape.height, 1)) for shape in view.phases.shapes] == [
        ("phase-3", 88.9, 11.1), ("phase-4", 27.8, 61.1), ("phase-8", 0.0, 27.8),
    ]  # fmt: skip
    assert view.phases.table[0][1] == "kernel 2.0 s, session 11 s, shell 5.0 s, settling 0.0 s; 18 s together"
    assert [name for _, name in view.phases.keys] == ["kernel", "session", "shell", "settling"]
    assert starts_view([_start(3)], slow=None, now=NOW).phases is None


def test_how_runs_ended_is_said_of_those_of_which_it_is_known() -> None:
    crash = {"stop_before": "bugcheck", "stop_code": "0x0000009f"}
    told = [{"stop_before": "clean"}, {"stop_before": "update"}, crash, crash, {"stop_before": "power_lost"}, {}]
    view = starts_view([{**_start(n), **more} for n, more in enumerate(told)], slow=None, now=NOW)
    calm = starts_view([{**_start(1), "stop_before": "clean"}], slow=None, now=NOW)

    assert view.stops == (
        "Of 5 starts of which is known how the run before ended, 3 came after an unexpected stop: "
        "crash 0x0000009f 2, power lost 1."
    )
    assert "run before ended: crash 0x0000009f" in view.rows[2]["notes"]
    assert (calm.stops or "").endswith("none came after an unexpected stop.")
    assert starts_view([_start(1)], slow=None, now=NOW).stops is None


def _sign_in(days_ago: int, kind: str, usable_ms: int, *, at_least: bool = False) -> dict[str, Any]:
    row: dict[str, Any] = {"at": NOW - days_ago * DAY_MS, "kind": kind, "before_agent": False, "to_desktop_ms": None}
    row.update(to_desktop_quality=None, to_desktop_at_least=None, to_usable_quality="own", policy_ms=7_000)
    return {**dict.fromkeys(SIGN_IN_PARTS), **row, "to_usable_ms": usable_ms, "to_usable_at_least": at_least}


def test_sign_ins_have_a_median_from_five_and_a_slowest_tenth_from_twenty_by_kind() -> None:
    often = [_sign_in(n % 9, "cached", 20_000 + n, at_least=n == 19) for n in range(20)]
    first = [_sign_in(1, "first", 200_000) for _ in range(5)]
    view = sign_ins_view([*often, *first, _sign_in(2, "remote", 9_000)], now=NOW)

    assert [(group.kind, group.count, group.said) for group in view.groups] == [
        ("cached", 20, "median 20 s, slowest tenth from 20 s; 1 took at least as long as shown"),
        ("first", 5, "median 3 min 20 s"),
        ("remote", 1, "no median under 5"),
    ]
    assert view.groups[0].chart.title == "Sign-in, profile on the device, until usable, own"
    assert view.rows[0]["parts"] == [("authentication", None), ("policy", 7_000)][1:]
    assert [row["when"].startswith("about") for row in view.rows[5:9]] == [False, False, True, True]


def test_a_page_of_sign_ins_holds_the_newest_of_them() -> None:
    view = sign_ins_view([_sign_in(1, "unlock", n) for n in range(300)], now=NOW)

    assert (len(view.rows), view.count, view.rows[0]["marks"][1][0]) == (200, 300, 0)


def test_use_adds_up_and_says_what_it_is_made_of() -> None:
    minutes = '{"cpu":[50,0,0,0,0,0,0,0,10,0,0,0],"memory_pressure":[[0,0,3,0],[0,0,0,3],[0,0,0,0],[54,0,0,0]]}'
    days: list[dict[str, Any]] = [
        {"minutes": minutes, "missed": 2, "suspended": 5},
        {"minutes": None, "missed": 0, "suspended": 0},
    ]
    view = use_view(days)

    assert view is not None
    assert (view.days, view.observed, view.missed, view.suspended, view.short_ratio) == (1, 60, 2, 5, 0.1)
    assert [(level.title, level.busy_ratio) for level in view.levels] == [("Processor", 1 / 6)]
    assert ([p.head for p in view.pressures], view.wait) == (["Memory available"], None)
    assert view.pressures[0].rows[0] == ("under 5 %", [(0, False), (0, False), (3, True), (0, True)])
    assert use_view([days[1]]) is None


def test_disk_space_is_drawn_from_the_second_day_on() -> None:
    days = [{"day_at": NOW - n * DAY_MS, "disk_free_bytes": 10 * n, "disk_total_bytes": 100} for n in range(3)]
    assert disk_chart(days[:1]) is None
    chart = disk_chart(days)
    assert chart is not None
    assert [label for label, _ in chart.table] == ["18 Nov 2026", "19 Nov 2026", "20 Nov 2026"]
