"""Reports: every hostile or broken thing gets the answer that the design gives it, and never a 500."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from tests.server.door import Device, enrolment_key, start

from muster_server.clock import DAY_MS, iso, now_ms
from muster_server.db import Database
from muster_server.ingest.decode import StoredReport
from muster_server.models import device_orders, devices, reports, streams

EMPTY = gzip.compress(b"{}", mtime=0)


def stored(database: Database) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(select(reports).order_by(reports.c.id)))


def test_what_is_accepted_is_on_disk_with_unknown_fields_left_out(device: Device, database: Database) -> None:
    report = device.report(restart={"pending": True, "reasons": ["kernel"], "colour": "red"}, horoscope={"sign": 1})

    answer = device.post({**report, "mood": "good"})

    assert answer.status_code == 202
    assert answer.json["accepted"] == [report["report_id"]]
    assert (answer.json["duplicate"], answer.json["refused"], answer.json["identity"]) == ([], [], "keep")
    body = msgspec.json.decode(stored(database)[0].body, type=StoredReport)
    assert set(body.sections) == {"restart"}
    assert bytes(body.sections["restart"]) == b'{"pending":true,"reasons":["kernel"]}'


def test_the_same_report_sent_twice_is_stored_once(device: Device, database: Database) -> None:
    report = device.report(restart={"pending": False})
    device.post(report)

    answer = device.post(report)

    assert (answer.json["accepted"], answer.json["duplicate"]) == ([], [report["report_id"]])
    assert len(stored(database)) == 1


def test_the_same_report_twice_in_one_request_is_stored_once(device: Device, database: Database) -> None:
    report = device.report(restart={"pending": False})

    answer = device.post(report, report)

    assert (len(answer.json["accepted"]), len(answer.json["duplicate"])) == (1, 1)
    assert len(stored(database)) == 1


def test_a_report_resent_after_five_thousand_others_is_still_a_duplicate(device: Device, database: Database) -> None:
    first = device.report()
    device.post(first)
    device.sequence = 5_000
    device.post(device.report())

    answer = device.post(first)

    assert answer.json["duplicate"] == [first["report_id"]]
    assert len(stored(database)) == 2


def test_a_bad_section_is_refused_with_its_problem_and_the_rest_is_kept(device: Device, database: Database) -> None:
    report = device.report(disks=5, restart={"pending": True})

    answer = device.post(report)

    assert answer.json["accepted"] == [report["report_id"]]
    refusal = {"problem": "Expected `object`, got `int`", "report_id": report["report_id"], "index": None}
    assert answer.json["refused"] == [{**refusal, "section": "disks"}]
    assert set(msgspec.json.decode(stored(database)[0].body, type=StoredReport).sections) == {"restart"}


def test_an_unreadable_report_is_refused_alone_by_id_or_by_index(device: Device) -> None:
    named = {**device.report(), "schema": 99}
    good = device.report()

    answer = device.post(named, 7, good)

    assert answer.status_code == 202
    assert answer.json["accepted"] == [good["report_id"]]
    assert [(r["report_id"], r["index"], r["section"]) for r in answer.json["refused"]] == [
        (named["report_id"], None, None),
        (None, 1, None),
    ]


HOSTILE = {
    "broken JSON": b'{"sent_at": "2026-11-20T00:00:00Z", "reports": [',
    "NaN": b'{"sent_at": "2026-11-20T00:00:00Z", "reports": [{"x": NaN}]}',
    "a lone surrogate": b'{"sent_at": "2026-11-20T00:00:00Z", "reports": ["\\ud800"]}',
    "not UTF-8": b'{"sent_at": "\xff\xfe", "reports": [1]}',
    "nested 100,000 deep": b'{"sent_at":"2026-11-20T00:00:00Z","reports":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
    "no reports": b'{"sent_at": "2026-11-20T00:00:00Z", "reports": []}',
    "97 reports": json.dumps({"sent_at": "2026-11-20T00:00:00Z", "reports": [1] * 97}).encode(),
    "a list": b"[]",
    "nothing": b"",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_broken_envelope_is_one_plain_problem(device: Device, body: bytes) -> None:
    answer = device.post_bytes(gzip.compress(body))

    assert answer.status_code == 400
    assert answer.json["type"] == "/problems/bad-request"
    assert len(answer.json["detail"]) < 400


@pytest.mark.parametrize(
    ("section", "content"),
    [
        ("disks", {"volumes": [{"name": "/", "total_bytes": 10**400, "free_bytes": 1}]}),
        ("disks", {"volumes": [{"name": "/", "total_bytes": -1, "free_bytes": 1}]}),
        ("system", {"hostname": "x" * 1_000_000}),
        ("system", {"hostname": "nul \0 inside"}),
        ("system", {"hostname": "nul behind a backslash \\\0"}),
        ("use", {"hours": [{"hour_at": "2026-11-20T10:00:00Z", "cpu": [1] * 13}]}),
        ("use", {"hours": [{"hour_at": "2026-11-20T10:00:00Z", "cpu": [10**6] + [0] * 11}]}),
        ("starts", [{"start_id": "not hex", "kind": "full", "zero_at": "2026-11-20T10:00:00Z"}]),
        ("software", {"titles": [{"name": f"t{number}"} for number in range(5_000)]}),
        ("battery", {"packs": []}),
        ("battery", [[[[]]]]),
    ],
)
def test_a_hostile_section_is_refused_and_the_report_kept(device: Device, section: str, content: Any) -> None:
    report = device.report(**{section: content})

    answer = device.post(report)

    assert answer.status_code == 202
    assert answer.json["accepted"] == [report["report_id"]]
    assert [refusal["section"] for refusal in answer.json["refused"]] == [section]


def test_a_text_that_only_looks_like_a_nul_is_taken(device: Device) -> None:
    report = device.report(system={"hostname": "\\u0000", "os_name": "a\\\\u0000"})

    assert device.post(report).json["refused"] == []


def test_bodies_too_large_on_the_wire_or_when_inflated_are_refused_before_any_work(device: Device) -> None:
    wire = device.post_bytes(b"x" * 256_001, encoding="identity")
    bomb = device.post_bytes(gzip.compress(b" " * 50_000_000))

    assert (wire.status_code, bomb.status_code) == (413, 413)
    assert "send fewer reports" in bomb.json["detail"]


@pytest.mark.parametrize("body", [b"not gzip", EMPTY[:-3], EMPTY + b"tail"], ids=["text", "cut", "tail"])
def test_broken_gzip_is_said_to_be_broken_gzip(device: Device, body: bytes) -> None:
    answer = device.post_bytes(body)

    assert answer.status_code == 400
    assert "gzip" in answer.json["detail"]


def test_an_unknown_content_encoding_is_named(device: Device) -> None:
    assert "'br'" in device.post_bytes(b"x", encoding="br").json["detail"]


@pytest.mark.parametrize("collected_at", ["1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "yesterday"])
def test_a_report_with_an_impossible_clock_is_kept_and_marked(
    device: Device, database: Database, collected_at: str
) -> None:
    device.post(device.report(collected_at))

    row = stored(database)[0]
    assert row.clock_doubtful == 1
    assert row.corrected_at == row.received_at


def test_a_report_collected_thirty_days_ago_keeps_its_day(device: Device, database: Database) -> None:
    then = now_ms() - 30 * DAY_MS

    device.post(device.report(iso(then)))

    row = stored(database)[0]
    assert abs(row.corrected_at - then) < 5_000
    assert row.clock_doubtful == 0


def test_within_one_boot_the_monotonic_clock_tells_when_a_report_was_collected(
    device: Device, database: Database
) -> None:
    report = {**device.report("2031-05-05T05:05:05Z"), "boot_id": "b", "monotonic_seconds": 100.0}

    device.post(report, boot_id="b", monotonic_seconds=700.0, sent_at="2031-05-05T05:15:05Z")

    row = stored(database)[0]
    assert row.received_at - row.corrected_at == 600_000


def test_another_report_under_a_seen_number_means_a_clone_and_is_kept_apart(device: Device, database: Database) -> None:
    report = device.report(restart={"pending": False})
    device.post(report)

    answer = device.post({**report, "sections": {"restart": {"pending": True}}})

    assert answer.json["identity"] == "split"
    assert [row.split for row in stored(database)] == [0, 1]


def test_an_older_generation_after_a_newer_one_reported_is_split(client: FlaskClient, database: Database) -> None:
    key = enrolment_key(database)
    hardware = {"smbios_uuid": "u", "system_serial": "s"}
    older, newer = Device(client, key, **hardware), Device(client, key, **hardware)

    before = older.post(older.report()).json["identity"]
    first_of_newer = newer.post(newer.report()).json["identity"]
    after = older.post(older.report()).json["identity"]

    assert (before, first_of_newer, after) == ("keep", "keep", "split")


def test_a_new_hardware_hash_is_a_repair_until_the_two_alternate(device: Device) -> None:
    def told(hardware_hash: str) -> str:
        identity: str = device.post({**device.report(), "hardware_hash": hardware_hash}).json["identity"]
        return identity

    assert [told(h) for h in ("a", "b", "b", "a", "b", "a")] == ["keep", "keep", "keep", "keep", "split", "keep"]


def test_a_ninth_live_stream_on_one_device_is_split(device: Device) -> None:
    identities = []
    for number in range(9):
        device.stream, device.sequence = f"{number:032x}", 0
        identities.append(device.post(device.report()).json["identity"])

    assert identities == ["keep"] * 8 + ["split"]


def test_ten_starts_in_one_report_are_taken_whole(device: Device) -> None:
    report = device.report(starts=[start(iso(now_ms() - hour * 3_600_000), 600) for hour in range(10)])

    assert device.post(report).json["refused"] == []


def test_a_device_that_the_store_lost_is_told_to_enrol(device: Device, database: Database) -> None:
    with database.write() as connection:
        for table in (device_orders, streams, devices):
            connection.execute(table.delete())

    answer = device.post(device.report())

    assert (answer.status_code, answer.json["type"]) == (401, "/problems/device-unknown")


def test_a_dead_writer_fails_those_who_wait_and_ends_readiness(device: Device, client: FlaskClient) -> None:
    writer = client.application.extensions["muster_door"].writer
    writer.stop()

    answer = device.post(device.report())

    assert answer.status_code == 503
    assert client.get("/readyz").json["checks"]["writer"] is False


def test_many_threads_post_at_once_and_every_acknowledged_report_is_there(
    client: FlaskClient, database: Database
) -> None:
    key = enrolment_key(database)
    fleet = [Device(client.application.test_client(), key) for _ in range(8)]

    def post_twenty(device: Device) -> list[Any]:
        return [device.post(device.report()).json for _ in range(20)]

    with ThreadPoolExecutor(8) as pool:
        accepted = [i for answers in pool.map(post_twenty, fleet) for said in answers for i in said["accepted"]]

    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(reports)) == len(set(accepted)) == 160
