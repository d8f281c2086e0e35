"""From posted reports to verdicts, flags and a snapshot, through the real jobs on both stores."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from tests.server.door import Device, enrolment_key, start

from muster_server.clock import DAY_MS, HOUR_MS, iso, now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.health.assess import assess
from muster_server.jobs import fold, judge, snapshot
from muster_server.models import assessments, device_sections, devices, flags, ledger, signals, verdicts
from muster_server.store.judging import next_daily_minute
from muster_server.store.snapshots import newest_snapshot


class Court:
    """Folds and judges, and reads what came of it."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database, self.settings = database, settings

    def judge(self, now: int | None = None) -> int:
        fold.run(self.database, self.settings, now=now or now_ms())
        return judge.run(self.database, self.settings, now=now or now_ms())

    def rows(self, table: Any) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(table).order_by(*table.primary_key.columns)))


@pytest.fixture
def court(database: Database, settings: Settings) -> Court:
    return Court(database, settings)


def starts(seconds: float, count: int = 10, hours_ago: int = 1) -> list[dict[str, Any]]:
    return [start(iso(now_ms() - (hours_ago + n) * HOUR_MS), seconds) for n in range(count)]


def test_ten_slow_starts_make_it_fix_and_ten_quick_ones_clear_the_flag(device: Device, court: Court) -> None:
    device.post(device.report(starts=starts(600, hours_ago=20)))
    court.judge()

    verdict = court.rows(verdicts)[0]
    assert (verdict.verdict, verdict.leading_rule) == ("fix", "slow_start")
    flag = court.rows(flags)[0]
    assert (flag.rule_id, flag.suggests, flag.cleared_at) == ("slow_start", "fix", None)
    assert json.loads(flag.evidence)["evidence"][0]["value"] == 600.0

    device.post(device.report(starts=starts(30)))
    court.judge()

    assert court.rows(verdicts)[0].verdict != "fix"
    assert court.rows(flags)[0].cleared_at is not None
    counters = {row.name: row.value for row in court.rows(ledger)}
    assert (counters["flags_raised"], counters["flags_cleared"]) == (1, 1)


def test_between_the_two_thresholds_an_open_flag_stays_and_no_new_one_opens(device: Device, court: Court) -> None:
    device.post(device.report(starts=starts(110)))
    court.judge()
    assert court.rows(flags) == []

    device.post(device.report(starts=starts(600, count=30, hours_ago=40)))
    court.judge()
    device.post(device.report(starts=starts(110, count=40, hours_ago=100)))
    court.judge()

    assert [row.cleared_at for row in court.rows(flags)] == [None]


def test_an_assessment_is_kept_when_it_changed_and_monthly_and_not_otherwise(device: Device, court: Court) -> None:
    device.post(device.report(starts=starts(600)))
    court.judge()
    device.post(device.report(starts=starts(610, hours_ago=20)))
    court.judge()
    assert len(court.rows(assessments)) == 1

    court.judge(now_ms() + 31 * DAY_MS)

    assert len(court.rows(assessments)) == 2
    kept = court.rows(assessments)[0]
    assert json.loads(kept.signals)["start_median_ms"] == 600_000
    assert len(kept.policy_sha256) == 64


def test_a_device_is_judged_again_once_a_day_at_its_own_minute(device: Device, court: Court) -> None:
    device.post(device.report(starts=starts(30)))
    court.judge()

    row = court.rows(devices)[0]
    assert row.judge_at == next_daily_minute(row.id, now_ms())
    assert court.judge() == 0
    assert court.judge(row.judge_at) == 1


def test_a_fact_that_arrives_while_its_device_is_judged_has_it_judged_again(
    device: Device, court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = now_ms()
    device.post(device.report(starts=starts(30)))
    fold.run(court.database, court.settings, now=now)

    def slowly(*arguments: Any, **more: Any) -> Any:
        if not court.rows(verdicts):
            device.post(device.report(starts=starts(600, count=30, hours_ago=20)))
            fold.run(court.database, court.settings, now=now - 5_000)  # by a run that began earlier
        return assess(*arguments, **more)

    monkeypatch.setattr("muster_server.jobs.judge.assess", slowly)
    judge.run(court.database, court.settings, now=now)

    assert court.rows(verdicts)[0].verdict == "fix"


def test_a_device_that_awaits_approval_is_not_judged_and_counts_in_no_figure(
    client: FlaskClient, database: Database, court: Court, settings: Settings
) -> None:
    waiting = Device(client, enrolment_key(database, needs_approval=True))
    waiting.post(waiting.report(starts=starts(600)))
    court.judge()

    snapshot.run(database, settings, now=now_ms())
    with database.read() as connection:
        shown = newest_snapshot(connection)

    assert court.rows(verdicts) == []
    assert shown is not None
    assert (shown.devices, shown.awaiting_approval) == (0, 1)


def test_a_device_taken_out_of_use_loses_its_flags(device: Device, court: Court, database: Database) -> None:
    device.post(device.report(starts=starts(600)))
    court.judge()
    with database.write() as connection:
        connection.execute(update(devices).values(status="stock", judge_at=1))
    court.judge()

    assert court.rows(flags)[0].cleared_at is not None
    assert court.rows(verdicts)[0].verdict == "unknown"


def test_one_device_that_cannot_be_judged_is_said_so_and_stops_nobody(
    client: FlaskClient, database: Database, court: Court
) -> None:
    key = enrolment_key(database)
    fleet = [Device(client, key) for _ in range(5)]
    for each in fleet:
        each.post(each.report(starts=starts(600), hardware={"model": "X"}))
    fold.run(database, court.settings, now=now_ms())
    with database.write() as connection:
        broken = select(devices.c.id).where(devices.c.uid == fleet[2].uid).scalar_subquery()
        ours = device_sections.c.device_id == broken
        connection.execute(update(device_sections).where(ours).values(body="{"))
    court.judge()

    standing = [(row.verdict, row.error) for row in court.rows(verdicts)]
    assert sorted(standing, key=str) == [("fix", None)] * 4 + [(None, "assessment failed: DecodeError")]


def test_judging_twice_gives_the_same_rows_to_the_byte(device: Device, court: Court) -> None:
    device.post(device.report(starts=starts(600)))
    now = now_ms()
    court.judge(now)
    first = (court.rows(signals), court.rows(verdicts), court.rows(assessments))
    judge.judge_all(court.database, court.settings, now=now)

    assert (court.rows(signals), court.rows(verdicts), court.rows(assessments)) == first


def test_the_snapshot_says_what_is_known_and_why_not(device: Device, court: Court, client: FlaskClient) -> None:
    failed = {"battery": {"outcome": "failed", "problem": "PermissionError"}, "disks": {"outcome": "ok"}}
    device.post({**device.report(starts=starts(600), system={"os_name": "Debian"}), "outcomes": failed})
    court.judge()
    snapshot.run(court.database, court.settings, now=now_ms())
    with court.database.read() as connection:
        shown = newest_snapshot(connection)

    assert shown is not None
    assert (shown.devices, shown.by_verdict, shown.flags_open) == (1, {"fix": 1}, {"slow_start": 1})
    reasons = {fact.fact: (fact.known, fact.missing) for fact in shown.coverage}
    assert reasons["Start times"] == (1, {})
    assert reasons["Battery"] == (0, {"the collector failed": 1})
    assert reasons["Space on the system volume"] == (0, {"not enough days yet": 1})
    text = client.get("/metrics").text
    assert 'muster_estate_devices_by_verdict{verdict="fix"} 1.0' in text
    assert 'muster_estate_fact_known_devices{fact="Battery"} 0.0' in text
    assert 'muster_reports_total{outcome="accepted"}' in text
