"""Fold: reports become facts, once, in any order, on both stores."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select
from tests.server.door import Device, enrolment_key, folded, start

from muster_server.clock import DAY_MS, HOUR_MS, day_of, iso, now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.jobs import fold
from muster_server.models import (
    device_days,
    device_sections,
    device_software,
    device_state,
    devices,
    ledger,
    reports,
    software_titles,
    starts,
    use_hours,
)

CPU = [10, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 30]


def hour_of_use(at: int, **more: Any) -> dict[str, Any]:
    return {"hours": [{"hour_at": iso(at // HOUR_MS * HOUR_MS), "cpu": CPU, **more}]}


def test_a_report_becomes_the_line_that_lists_show(device: Device, database: Database, settings: Settings) -> None:
    device.post(
        device.report(
            system={"hostname": "pc-1", "os_name": "Debian GNU/Linux 12", "os_version": "12"},
            hardware={"device_class": "laptop", "model": "X1", "serial": "s-1", "memory_bytes": 8 * 2**30},
            disks={"volumes": [{"name": "/", "total_bytes": 100, "free_bytes": 25, "system": True}]},
            starts=[start(iso(now_ms() - HOUR_MS), 42.5)],
        )
    )

    state = folded(database, settings, device_state)[0]

    assert (state.hostname, state.device_class, state.model, state.disk_free_ratio) == ("pc-1", "laptop", "X1", 0.25)
    assert (state.last_start_mark, state.last_start_ms) == ("to_settled", 42_500)
    assert state.agent_version == "0.1.0"
    with database.read() as connection:
        assert connection.scalar(select(devices.c.judge_at)) is not None


def test_folding_again_changes_nothing(device: Device, database: Database, settings: Settings) -> None:
    device.post(device.report(use=hour_of_use(now_ms())))

    first = folded(database, settings, use_hours)

    assert fold.run(database, settings, now=now_ms()) == 0
    assert folded(database, settings, use_hours) == first


def test_use_of_many_reports_adds_up_over_hours_and_days(
    device: Device, database: Database, settings: Settings
) -> None:
    noon = now_ms() // DAY_MS * DAY_MS - DAY_MS + 12 * HOUR_MS
    pressure = [[0, 0, 0, 0], [0, 0, 5, 0], [0, 0, 0, 0], [55, 0, 0, 0]]
    for hours_later in (0, 0, 1):
        use = hour_of_use(noon + hours_later * HOUR_MS, memory_pressure=pressure, missed=2, suspended=1)
        device.post(device.report(use=use))

    hours = folded(database, settings, use_hours)
    days = folded(database, settings, device_days)

    assert [json.loads(row.minutes)["cpu"][0] for row in sorted(hours, key=lambda row: row.hour_at)] == [20, 10]
    day = next(row for row in days if row.minutes)
    assert day.day == day_of(noon)
    assert json.loads(day.minutes) == {
        "cpu": [3 * m for m in CPU],
        "memory_pressure": [[3 * m for m in r] for r in pressure],
    }
    assert (day.missed, day.suspended) == (6, 3)


def test_use_older_than_its_hours_are_kept_stands_in_its_day_only(
    device: Device, database: Database, settings: Settings
) -> None:
    old = now_ms() - 60 * DAY_MS
    device.post(device.report(iso(old), use=hour_of_use(old)))

    assert folded(database, settings, use_hours) == []
    assert [row.day for row in folded(database, settings, device_days)] == [day_of(old // HOUR_MS * HOUR_MS)]


def test_facts_older_than_thirteen_months_are_counted_and_dropped(
    device: Device, database: Database, settings: Settings
) -> None:
    old = now_ms() - 400 * DAY_MS
    device.post(device.report(iso(old), use=hour_of_use(old), starts=[start(iso(old), 30)]))

    assert folded(database, settings, starts) == []
    with database.read() as connection:
        drops = {row.name: row.value for row in connection.execute(select(ledger))}
    assert drops == {"starts_too_old": 1, "use_hours_too_old": 1}


def test_a_start_that_arrives_in_pieces_is_one_start_and_null_overwrites_nothing(
    device: Device, database: Database, settings: Settings
) -> None:
    whole = start(iso(now_ms() - HOUR_MS), 50, firmware_seconds=8)
    early = {**whole, "to_settled_seconds": None, "to_settled_quality": None}
    estimated = {**whole, "to_settled_seconds": 99, "to_settled_quality": "estimated", "to_settled_revision": 7}
    for piece in (early, whole, estimated, early):
        device.post(device.report(starts=[piece]))
        fold.run(database, settings, now=now_ms())

    rows = folded(database, settings, starts)

    assert [(row.to_settled_ms, row.to_settled_quality, row.firmware_ms) for row in rows] == [
        (50_000, "measured", 8_000)
    ]


def test_twins_of_one_start_under_two_ids_merge_and_other_kinds_do_not(
    device: Device, database: Database, settings: Settings
) -> None:
    zero = now_ms() - HOUR_MS
    first = start(iso(zero), 50)
    twin = start(iso(zero + 30_000), 51, firmware_seconds=9)
    resume = start(iso(zero + 10_000), 5, kind="resume")
    device.post(device.report(starts=[first, twin]), device.report(starts=[resume]))

    rows = folded(database, settings, starts)

    assert sorted((row.kind, row.firmware_ms) for row in rows) == [("full", 9_000), ("resume", None)]


def test_two_starts_within_a_minute_are_two_where_each_boot_has_a_name_of_its_own(
    device: Device, database: Database, settings: Settings
) -> None:
    zero = now_ms() - HOUR_MS
    first = start(iso(zero), 9, exact_id=True)
    again = start(iso(zero + 20_000), 8, exact_id=True)
    device.post(device.report(starts=[first]), device.report(starts=[again]))
    device.post(device.report(starts=[again]))

    assert sorted(row.to_settled_ms for row in folded(database, settings, starts)) == [8_000, 9_000]


def test_facts_of_a_device_whose_clock_is_a_year_ahead_land_on_their_own_days(
    device: Device, database: Database, settings: Settings
) -> None:
    ahead = 366 * DAY_MS
    now = now_ms()
    then = now - 3 * DAY_MS
    report = device.report(iso(then + ahead), starts=[start(iso(then + ahead - HOUR_MS), 30)])

    device.post(report, sent_at=iso(now + ahead))

    row = folded(database, settings, starts)[0]
    assert abs(row.zero_at - (then - HOUR_MS)) < 10_000
    assert abs(folded(database, settings, device_state)[0].clock_skew_ms - ahead) < 10_000


@pytest.mark.parametrize("zero_at", ["1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "at dawn"])
def test_a_fact_whose_clock_cannot_be_believed_takes_the_time_it_was_received(
    device: Device, database: Database, settings: Settings, zero_at: str
) -> None:
    device.post(device.report(starts=[start(zero_at, 30)]))

    row = folded(database, settings, starts)[0]
    assert row.zero_at == row.first_received_at


def test_an_older_report_that_arrives_late_overwrites_nothing_newer(
    device: Device, database: Database, settings: Settings
) -> None:
    late = device.report(iso(now_ms() - DAY_MS), system={"hostname": "old-name"}, restart={"pending": True})
    device.post(device.report(system={"hostname": "new-name"}))
    fold.run(database, settings, now=now_ms())
    device.post(late)

    assert folded(database, settings, device_state)[0].hostname == "new-name"
    sections = {row.section: row.body for row in folded(database, settings, device_sections)}
    assert json.loads(sections["restart"]) == {"pending": True}


def test_a_spool_that_comes_late_does_not_make_a_device_look_alive_since(
    device: Device, database: Database, settings: Settings
) -> None:
    last = now_ms() - 60 * DAY_MS
    device.post(device.report(iso(last)), device.report(iso(last - DAY_MS)))

    assert folded(database, settings, device_state)[0].reported_at == pytest.approx(last, abs=2_000)


def test_software_is_one_row_of_titles_known_by_number(device: Device, database: Database, settings: Settings) -> None:
    titles = [{"name": "bash", "version": "5.2", "installed_on": "2026-01-02"}, {"name": "vim"}]
    device.post(device.report(software={"titles": titles, "more_titles": 3}))

    row = folded(database, settings, device_software)[0]
    numbers = {title.name: title.id for title in folded(database, settings, software_titles)}

    assert json.loads(row.titles) == [[numbers["bash"], "2026-01-02"], [numbers["vim"], None]]
    assert row.title_count == 5


def test_a_device_is_asked_for_what_it_never_told_unless_it_has_none(
    device: Device, database: Database, settings: Settings
) -> None:
    absent = {"software": {"outcome": "absent", "seconds": 0.0}}
    device.post({**device.report(system={"hostname": "pc"}), "outcomes": absent})
    fold.run(database, settings, now=now_ms())

    assert device.post(device.report()).json["want"] == ["hardware"]


def test_reports_kept_apart_by_a_split_are_not_folded(device: Device, database: Database, settings: Settings) -> None:
    report = device.report(system={"hostname": "mine"})
    device.post(report)
    device.post({**report, "sections": {"system": {"hostname": "theirs"}}})

    assert folded(database, settings, device_state)[0].hostname == "mine"


def test_a_report_that_cannot_be_folded_is_counted_shown_and_stops_nobody(
    device: Device, database: Database, settings: Settings
) -> None:
    device.post(device.report(system={"hostname": "first"}), device.report(system={"hostname": "second"}))
    with database.write() as connection:
        broken = select(reports.c.id).order_by(reports.c.id).limit(1).scalar_subquery()
        connection.execute(reports.update().where(reports.c.id == broken).values(body=b"{not json"))

    assert folded(database, settings, device_state)[0].hostname == "second"
    sections = {row.section: json.loads(row.body) for row in folded(database, settings, device_sections)}
    assert sections["fold"]["report_id"] == f"{device.stream}:1"
    with database.read() as connection:
        assert connection.scalar(select(ledger.c.value).where(ledger.c.name == "reports_not_folded")) == 1


def test_a_device_whose_rows_cannot_be_read_stops_nobody(
    device: Device, client: FlaskClient, database: Database, settings: Settings
) -> None:
    other = Device(client, enrolment_key(database))
    device.post(device.report(system={"hostname": "broken"}))
    fold.run(database, settings, now=now_ms())
    with database.write() as connection:
        connection.execute(device_sections.update().values(body="{"))
    device.post(device.report(restart={"pending": True}), device.report(restart={"pending": False}))
    other.post(other.report(system={"hostname": "whole"}))

    states = folded(database, settings, device_state)

    assert [state.hostname for state in states] == ["broken", "whole"]
    with database.read() as connection:
        assert connection.scalar(select(ledger.c.value).where(ledger.c.name == "reports_not_folded")) == 2


def test_reports_are_marked_as_folded_without_a_look_at_all_reports(
    device: Device, database: Database, settings: Settings
) -> None:
    device.post(device.report(), device.report())
    seen: list[tuple[str, Any]] = []
    event.listen(database.engine, "before_cursor_execute", lambda _c, _u, *asked: seen.append(asked[:2]))
    fold.run(database, settings, now=now_ms())
    statement, parameters = next(asked for asked in seen if asked[0].startswith("UPDATE reports"))

    with database.read() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # a scan then stands for want of an index
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        plan = [str(row) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)]

    assert not any("Seq Scan" in line or "SCAN" in line for line in plan), plan


def test_only_one_fold_runs_at_a_time(device: Device, database: Database, settings: Settings) -> None:
    device.post(device.report())

    with database.exclusive("fold") as alone:
        assert alone
        assert fold.run(database, settings, now=now_ms()) == 0
    assert fold.run(database, settings, now=now_ms()) == 1
