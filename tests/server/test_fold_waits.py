"""Sign-ins and what is told of starts beside their marks: folded once, mark by mark, in any order, on both stores."""

from __future__ import annotations

import itertools
import json
import secrets
from typing import Any

from sqlalchemy import select
from tests.server.door import Device, folded, start

from muster_server.clock import DAY_MS, HOUR_MS, iso, now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.fold import marks
from muster_server.jobs import fold, retention
from muster_server.models import device_days, device_state, ledger, sign_ins, starts


def sign_in(at: int, **more: Any) -> dict[str, Any]:
    return {"sign_in_id": secrets.token_hex(16), "at": iso(at), "kind": "cached", **more}


def test_a_sign_in_that_arrives_in_pieces_is_one_and_null_overwrites_nothing(
    device: Device, database: Database, settings: Settings
) -> None:
    early = sign_in(now_ms() - HOUR_MS, kind="unknown", authentication_seconds=1.5)
    shown = {**early, "kind": "cached", "to_desktop_seconds": 9.0, "to_desktop_quality": "estimated"}
    timed = {**early, "to_usable_seconds": 2_704.0, "lower_bounds": ["to_usable"]}
    for piece in (early, shown, timed, early):
        device.post(device.report(sign_ins=[piece]))
        fold.run(database, settings, now=now_ms())

    (row,) = folded(database, settings, sign_ins)

    assert (row.kind, row.authentication_ms) == ("cached", 1_500)
    assert (row.to_desktop_ms, row.to_desktop_quality, row.to_desktop_at_least) == (9_000, "estimated", False)
    assert (row.to_usable_ms, row.to_usable_quality, row.to_usable_at_least) == (2_704_000, "own", True)


def test_a_better_quality_replaces_a_mark_and_a_worse_one_does_not(
    device: Device, database: Database, settings: Settings
) -> None:
    told = sign_in(now_ms() - HOUR_MS, to_desktop_seconds=12.0, to_desktop_quality="own")
    better = {**told, "to_desktop_seconds": 9.0, "to_desktop_quality": "measured"}
    worse = {**told, "to_desktop_seconds": 30.0, "to_desktop_quality": "estimated"}
    device.post(*(device.report(sign_ins=[piece]) for piece in (told, better, worse)))

    assert [row.to_desktop_ms for row in folded(database, settings, sign_ins)] == [9_000]


def test_a_sign_in_told_by_a_clock_days_off_lands_on_its_own_day_and_one_too_old_is_dropped(
    device: Device, database: Database, settings: Settings
) -> None:
    now, ahead = now_ms(), 9 * DAY_MS
    then = now - 3 * DAY_MS
    old = sign_in(now - 400 * DAY_MS + ahead)
    device.post(device.report(iso(then + ahead), sign_ins=[sign_in(then + ahead), old]), sent_at=iso(now + ahead))

    (row,) = folded(database, settings, sign_ins)

    assert abs(row.at - then) < 10_000
    with database.read() as connection:
        assert connection.scalar(select(ledger.c.value).where(ledger.c.name == "sign_ins_too_old")) == 1


def test_after_seven_days_the_hour_of_a_start_and_of_a_sign_in_is_kept_alone_and_after_thirteen_months_nothing(
    device: Device, database: Database, settings: Settings
) -> None:
    now = now_ms()
    ages = [5, 8, 300]
    told = [sign_in(now - days * DAY_MS + 1, to_desktop_seconds=5) for days in ages]
    begun = [start(iso(now - days * DAY_MS + 1), 30) for days in ages]
    device.post(device.report(sign_ins=told, starts=begun))
    fold.run(database, settings, now=now)

    retention.run(database, settings, now=now)
    for table, column in ((sign_ins, sign_ins.c.at), (starts, starts.c.zero_at)):
        with database.read() as connection:
            exact = [at % HOUR_MS != 0 for at in connection.scalars(select(column).order_by(column))]
        assert exact == [False, False, True], table.name

    device.post(device.report(sign_ins=told))  # told once more, it is still the same
    fold.run(database, settings, now=now)
    retention.run(database, settings, now=now + 120 * DAY_MS)
    with database.read() as connection:
        assert len(connection.execute(select(sign_ins)).all()) == len(connection.execute(select(starts)).all()) == 2


def test_a_lower_bound_is_kept_as_one_until_the_mark_is_known(
    device: Device, database: Database, settings: Settings
) -> None:
    known = {"to_usable_quality": "own", "to_usable_revision": 1}
    capped = start(iso(now_ms() - HOUR_MS), 50, to_usable_seconds=2_700, lower_bounds=["to_usable"], **known)
    device.post(device.report(starts=[capped]))

    (row,) = folded(database, settings, starts)
    (state,) = folded(database, settings, device_state)
    assert (row.to_usable_ms, row.to_usable_at_least, row.to_settled_at_least) == (2_700_000, True, False)
    assert (state.last_start_mark, state.last_start_at_least) == ("to_usable", True)

    device.post(device.report(starts=[{**capped, "lower_bounds": [], "to_usable_revision": 2}]))

    (row,) = folded(database, settings, starts)
    assert (row.to_usable_ms, row.to_usable_at_least) == (2_700_000, False)


def test_how_the_run_before_ended_and_the_phases_are_kept(
    device: Device, database: Database, settings: Settings
) -> None:
    whole = start(iso(now_ms() - HOUR_MS), 50, session_seconds=11, settling_seconds=30.5, stop_before="unexpected")
    crash = {**whole, "stop_before": "bugcheck", "stop_code": "0x0000009f", "shell_seconds": 5}
    device.post(*(device.report(starts=[piece]) for piece in (whole, crash, whole)))

    (row,) = folded(database, settings, starts)

    assert (row.stop_before, row.stop_code) == ("bugcheck", "0x0000009f")
    assert (row.session_ms, row.settling_ms, row.shell_ms) == (11_000, 30_500, 5_000)


def test_pressure_by_commit_and_waits_for_the_drive_add_up_over_a_day(
    device: Device, database: Database, settings: Settings
) -> None:
    noon = now_ms() // DAY_MS * DAY_MS - DAY_MS + 12 * HOUR_MS
    table = [[50, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 7, 3]]
    hour = {"hour_at": iso(noon), "commit_pressure": table, "disk_wait": [40, 9, 5, 1, 0, 0, 3, 2]}
    device.post(*(device.report(use={"hours": [hour]}) for _ in range(2)))

    day = next(row for row in folded(database, settings, device_days) if row.minutes)

    assert json.loads(day.minutes) == {
        "commit_pressure": [[2 * minutes for minutes in row] for row in table],
        "disk_wait": [80, 18, 10, 2, 0, 0, 6, 4],
    }


def test_pieces_make_the_same_row_in_whatever_order_they_come() -> None:
    blank = {f"{mark}_{part}": None for mark in marks.SIGN_IN_MARKS for part in ("ms", "quality", "at_least")}
    blank |= dict.fromkeys(marks.SIGN_IN_PARTS)
    least = {**blank, "sign_in_id": "a", "at": 5, "kind": "unknown", "before_agent": True, "first_received_at": 9}
    pieces: list[marks.Row] = [
        {**least, "to_usable_ms": 10, "to_usable_quality": "own", "to_usable_at_least": True},
        {**least, "kind": "first", "to_usable_ms": 10, "to_usable_quality": "own", "to_usable_at_least": False},
        {**least, "kind": "cached", "policy_ms": 4, "before_agent": False, "first_received_at": 7},
        {**least, "to_usable_ms": 99, "to_usable_quality": "estimated", "to_usable_at_least": False, "policy_ms": 3},
    ]
    made = []
    for one, *others in itertools.permutations(pieces):
        for other in others:
            one = marks.merge_sign_in(one, other)  # noqa: PLW2901 - it grows
        made.append(one)

    assert all(row == made[0] for row in made)
    assert (made[0]["kind"], made[0]["to_usable_ms"], made[0]["to_usable_at_least"]) == ("first", 10, False)
    assert (made[0]["policy_ms"], made[0]["before_agent"], made[0]["first_received_at"]) == (4, False, 7)
