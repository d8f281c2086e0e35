"""The read API's devices: one whole, its software, its evidence, and lists of them, on both stores."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from tests.server.door import Device, enrolment_key
from tests.server.reader import Reader, judge_all, starts, whole_report

from muster_server.config import Settings
from muster_server.db import Database
from muster_server.encoding import canonical
from muster_server.models import device_sections, devices, verdicts
from muster_server.web.api.answers import findings


@pytest.fixture
def reader(client: FlaskClient, database: Database) -> Reader:
    return Reader(client, database)


@pytest.fixture
def device(client: FlaskClient, database: Database, settings: Settings) -> Device:
    enrolled = Device(client, enrolment_key(database))
    assert enrolled.post(whole_report(enrolled)).status_code == 202
    judge_all(database, settings)
    return enrolled


def test_a_device_tells_everything_with_units_in_names_and_unknown_as_null(device: Device, reader: Reader) -> None:
    told = reader.read(f"/devices/{device.uid}")

    assert (told["device_id"], told["hostname"], told["unit"]) == (device.uid, "pc-7", "North")
    assert (told["verdict"], told["leading_rule"], told["problem"]) == ("fix", "slow_start", None)
    assert (told["identity"], told["token_revoked"], told["wanted_sections"]) == ("keep", False, [])
    assert {start["to_settled_seconds"] for start in told["starts"]} == {600.0}
    assert told["starts"][0]["to_usable_seconds"] is None
    assert told["starts"][0]["culprits"] == [{"name": "x", "kind": "unit", "seconds": 4.0}]
    assert told["days"][0]["cpu_minutes"] == [60, *[0] * 11]
    assert told["days"][0]["memory_minutes"] is None
    assert told["battery"]["packs"][0]["cycles"] is None
    assert told["disks"]["volumes"][0]["free_bytes"] == 25
    assert told["hardware"]["drives"][0]["system"] is False
    assert told["restart"]["pending"] is True
    assert told["agent"]["notes"] == ["spool was full"]
    assert told["outcomes"] == {"battery": {"outcome": "ok", "seconds": 0.1, "problem": None}}
    assert told["software"]["title_count"] == 8
    assert told["reported_at"].endswith("Z")


def test_the_verdict_of_ten_slow_starts_stands_with_its_figure_in_list_device_evidence_and_replacements(
    device: Device, reader: Reader
) -> None:
    whole = reader.read(f"/devices/{device.uid}")
    sheet = reader.read(f"/devices/{device.uid}/assessment")
    listed = reader.read("/devices")["items"][0]
    recommended = reader.read("/replacements")["items"][0]

    slow = next(each for each in whole["findings"] if each["rule_id"] == "slow_start")
    assert (slow["state"], slow["evidence"][0]["value"], slow["evidence"][0]["samples"]) == ("over", 600.0, 10)
    assert sheet["findings"] == whole["findings"]
    assert (sheet["verdict"], sheet["signals"]["start_median_ms"]) == ("fix", 600_000)
    assert sheet["signals"]["start_newest_at"].endswith("Z")
    assert "device_id" not in sheet["signals"]
    assert listed["verdict"] == "fix"
    assert recommended["device"] == listed
    assert recommended["finding"] == slow
    assert recommended["suggests"] == whole["flags"][0]["suggests"] == "fix"


def test_a_device_that_only_enrolled_is_told_with_nothing_invented(
    client: FlaskClient, database: Database, reader: Reader
) -> None:
    device = Device(client, enrolment_key(database))

    told = reader.read(f"/devices/{device.uid}")

    assert (told["hostname"], told["verdict"], told["battery"], told["software"]) == (None, None, None, None)
    assert (told["findings"], told["starts"], told["days"], told["outcomes"]) == ([], [], [], {})
    assert reader.get(f"/devices/{device.uid}/assessment").json["type"] == "/problems/not-judged"
    assert reader.read(f"/devices/{device.uid}/software")["coverage"]["told_at"] is None
    assert reader.read("/devices")["coverage"]["not_judged"] == 1


def test_a_device_whose_assessment_failed_shows_the_problem_and_no_verdict(
    device: Device, reader: Reader, database: Database, settings: Settings
) -> None:
    with database.write() as connection:
        ours = (device_sections.c.section == "hardware",)
        kept = connection.scalar(select(device_sections.c.body).where(*ours))
        connection.execute(update(device_sections).where(*ours).values(body="{"))
        connection.execute(update(devices).values(judge_at=0))
    judge_all(database, settings)
    with database.write() as connection:
        connection.execute(update(device_sections).where(*ours).values(body=kept))

    told = reader.read(f"/devices/{device.uid}")

    assert (told["verdict"], told["leading_rule"], told["judged_ratio"]) == (None, None, None)
    assert told["problem"] == "assessment failed: DecodeError"
    assert reader.read(f"/devices/{device.uid}/assessment")["problem"] == told["problem"]


def test_software_is_read_by_name_in_parts(device: Device, reader: Reader) -> None:
    first = reader.read(f"/devices/{device.uid}/software", limit=3)
    second = reader.read(f"/devices/{device.uid}/software", limit=3, after=first["next"])

    assert [title["name"] for part in (first, second) for title in part["items"]] == ["t0", "t1", "t2", "t3", "t4"]
    assert second["next"] is None
    assert first["items"][0] == {
        "name": "t0",
        "version": "1",
        "publisher": None,
        "source": "dpkg",
        "installed_on": None,
    }
    assert (first["coverage"]["listed"], first["coverage"]["more_titles"]) == (5, 3)


def test_unknown_devices_are_a_problem(reader: Reader) -> None:
    for path in ("", "/software", "/assessment"):
        answer = reader.get(f"/devices/{uuid.uuid4()}{path}")

        assert (answer.status_code, answer.json["type"]) == (404, "/problems/not-found")


@pytest.fixture
def fleet(client: FlaskClient, database: Database, settings: Settings) -> list[str]:
    """Seven devices: five with names (two the same) and starts from 10 s to 50 s, two that never reported."""
    key = enrolment_key(database)
    uids = []
    for number, name in enumerate(["e", "d", "c", "b", "b", None, None]):
        device = Device(client, key)
        uids.append(device.uid)
        if name:
            report = whole_report(device, starts=starts(10 * (number + 1)), system={"hostname": name})
            assert device.post(report).status_code == 202
    judge_all(database, settings)
    return uids


def in_parts(reader: Reader, **query: Any) -> list[Any]:
    """Every item of a list that is read two at a time."""
    items: list[Any] = []
    after: dict[str, str] = {}
    while True:
        part = reader.read("/devices", limit=2, **query, **after)
        items += part["items"]
        if part["next"] is None:
            return items
        after = {"after": part["next"]}


def test_a_list_read_in_parts_holds_every_device_once_in_order(fleet: list[str], reader: Reader) -> None:
    for sort in ("hostname", "reported", "start", "free", "verdict"):
        for order in ("asc", "desc"):
            parts = in_parts(reader, sort=sort, order=order)

            assert parts == reader.read("/devices", sort=sort, order=order)["items"]
            assert sorted(line["device_id"] for line in parts) == sorted(fleet)


def test_the_unknown_stand_last_in_both_orders(fleet: list[str], reader: Reader) -> None:
    names, starts_seconds = (
        {order: [line[name] for line in in_parts(reader, sort=sort, order=order)] for order in ("asc", "desc")}
        for sort, name in (("hostname", "hostname"), ("start", "last_start_seconds"))
    )

    assert len(fleet) == 7
    assert names == {"asc": ["b", "b", "c", "d", "e", None, None], "desc": ["e", "d", "c", "b", "b", None, None]}
    assert starts_seconds["asc"] == [10, 20, 30, 40, 50, None, None]
    assert starts_seconds["desc"] == [50, 40, 30, 20, 10, None, None]


def test_coverage_says_what_a_list_is_made_of_and_keeps_from_part_to_part(
    fleet: list[str], reader: Reader, database: Database
) -> None:
    first = reader.read("/devices", limit=2)
    with database.write() as connection:
        connection.execute(update(verdicts).values(verdict=None))
    second = reader.read("/devices", limit=2, after=first["next"])

    assert first["coverage"]["devices"] == len(fleet)
    assert first["coverage"]["not_judged"] == 2
    assert first["coverage"]["judged"] + first["coverage"]["unknown"] == 5
    assert second["coverage"] == first["coverage"]
    assert reader.read("/devices")["coverage"]["not_judged"] == 7


def test_evidence_that_was_kept_before_there_were_lower_bounds_is_none() -> None:
    named = {"rule_id": "slow_start", "title": "Slow start", "suggests": "fix", "sentence": "", "clears": ""}
    evidence = {"label": "Median start", "value": 600.0, "unit": "seconds", "threshold": None, "samples": None}
    old = {**named, "version": 1, "state": "over", "weight": 3.0}
    kept = [{**old, "evidence": [{**evidence, "samples_needed": None, "newest_at": None}]}]

    assert [each.at_least for finding in findings(canonical(kept)) for each in finding.evidence] == [False]
