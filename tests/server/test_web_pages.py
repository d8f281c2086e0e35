"""The pages over an empty estate, one device, and devices of every verdict: what they show, link and keep out."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, update
from tests.server.estate import FORMULA, HOSTILE, Estate, token

from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.jobs import fold
from muster_server.models import estate_snapshots
from muster_server.store import audit

PAGES = ("/", "/devices", "/replacements", "/coverage", "/account")
_COUNTED = re.compile(r'href="(/devices\?[^"]+)"[^>]*>(?:<span class="m-card__name">[^<]*</span><span[^>]*>)?([\d,]+)<')


@pytest.fixture
def estate(app: Flask, database: Database, settings: Settings) -> Estate:
    return Estate(app, database, settings)


@pytest.fixture
def admin(estate: Estate) -> FlaskClient:
    return estate.person("admin")


def shown(browser: FlaskClient, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def words(html: str) -> str:
    """The text of a page without its markup."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html)))


def test_an_empty_estate_says_what_to_do(admin: FlaskClient) -> None:
    for path in PAGES[:4]:
        text = words(shown(admin, path))
        assert "muster key create" in text or "Nothing is recommended now" in text or "No figures yet" in text
    assert "No device has enrolled yet" in words(shown(admin, "/"))


def test_before_the_first_figures_the_pages_say_so_and_the_list_shows_the_device(
    estate: Estate, admin: FlaskClient
) -> None:
    estate.full("NTH-LT-0101")
    fold.run(estate.database, estate.settings, now=now_ms())

    assert "No figures yet" in words(shown(admin, "/"))
    assert "NTH-LT-0101" in words(shown(admin, "/devices"))
    assert "No figures yet" in words(shown(admin, "/coverage"))


def test_one_device_stands_on_the_estate_page_with_its_verdict(estate: Estate, admin: FlaskClient) -> None:
    estate.full("NTH-LT-0101", settled=600.0)
    estate.judged()

    text = words(shown(admin, "/"))
    assert "The device NTH-LT-0101 fix" in text
    assert "1 of 1 device in use needs something" in text
    assert "Slow start on NTH-LT-0101" in text


def test_every_figure_links_to_a_list_of_exactly_that_many_devices(estate: Estate, admin: FlaskClient) -> None:
    estate.every_verdict()
    wrong, followed = [], 0
    for page in ("/", "/coverage"):
        for link, number in _COUNTED.findall(shown(admin, page)):
            followed += 1
            listed = len(re.findall(r'<tr role="row"><th scope="row"', shown(admin, unescape(link))))
            if listed != int(number):
                wrong.append(f"{page}: {number} by {unescape(link)}, {listed} in the list")

    assert followed > 25
    assert wrong == []


def test_the_page_of_each_device_says_its_verdict_and_what_is_not_known(estate: Estate, admin: FlaskClient) -> None:
    made = estate.every_verdict()
    text = {name: words(shown(admin, f"/devices/{device.uid}")) for name, device in made.items()}

    assert "Keep. No rule is true, and 100 % of the rules' weight could be judged" in text["keep"]
    assert "Fix , for 2 reasons: slow start, disk nearly full" in text["fix"]
    assert "Upgrade , for 3 reasons" in text["upgrade"]
    assert "Unknown. No rule is true, but only 0 %" in text["unknown"]
    assert "Battery not known: the collector failed: PermissionError: BAT0" in text["unknown"]
    assert "Not judged: assessment failed: DecodeError" in text["not judged"]
    assert "This device waits for approval" in text["waiting"]
    assert "Records client" in words(shown(admin, f"/devices/{made['keep'].uid}/software"))
    assert "Office suite" not in words(shown(admin, f"/devices/{made['keep'].uid}/software?text=records"))


def test_the_page_of_a_windows_laptop_shows_what_its_agent_tells(estate: Estate, admin: FlaskClient) -> None:
    laptop = estate.windows("NTH-LT-0104")
    estate.judged()
    text = words(shown(admin, f"/devices/{laptop.uid}"))

    for said in (
        "Newest start at least 45 min until usable",
        "Median start at least 45 min limit 2 min",
        "10 came after an unexpected stop: crash 0x0000009f 10.",
        "10 sign-ins, median at least 45 min; 10 took at least as long as shown",
        "authentication 2.0 s, policy 7.0 s",
        "Memory committed and hard faults",
        "Drive: minutes by time an operation took",
        "12 % worn by its maker's estimate, 9,120 hours in use, it warns that it is failing",
        "8.0 GiB DDR4 at 2,666 MT/s; 1 empty; 64.0 GiB at most",
        "Last update of the system 2026-11-01",
        "charging stops at 80 %",
        "Extended security updates licensed until year 2",
        "Joined to a domain and Entra ID Directory site LEEDS Organisational unit Leeds/Laptops",
        "Processor fail Intel(R) Core(TM) i5-7300U CPU @ 2.60GHz: its installer blocks it",
        "TPM pass 2.0",
        "Display unknown no agent reads it",
    ):
        assert said in text
    coverage = words(shown(admin, "/coverage"))
    assert "All but the display 0 0 1 0 Processor 0 0 1 0 Memory 1 0 0 0" in coverage
    front = words(shown(admin, "/"))
    assert "profile on the device usable, own 1 10 under 5 devices" in front
    assert "at least 45 min" in words(shown(admin, "/devices"))
    rows = admin.get("/replacements.csv").text.splitlines()
    assert any("Median start: at least 2700 s (limit 120 s)" in row and ",2700.0,yes,seconds," in row for row in rows)


def test_an_evidence_sheet_can_be_opened_alone_and_only_under_its_own_device(
    estate: Estate, admin: FlaskClient
) -> None:
    slow, other = estate.full("NTH-DT-0102", settled=600.0), estate.full("NTH-DT-0103")
    estate.judged()
    path = re.search(r'href="(/devices/[^"]+/evidence/\d+)"', shown(admin, f"/devices/{slow.uid}"))
    assert path is not None

    assert "Would clear it: The median of its starts falls under 105 s" in words(shown(admin, path.group(1)))
    assert admin.get(path.group(1).replace(slow.uid, other.uid)).status_code == 404


def test_what_devices_call_themselves_is_never_markup(estate: Estate, admin: FlaskClient) -> None:
    hostile = estate.full(HOSTILE, HOSTILE, model=HOSTILE, software=[HOSTILE], settled=600.0)
    estate.judged()
    paths = [*PAGES, f"/devices/{hostile.uid}", f"/devices/{hostile.uid}/software", f"/devices?text={HOSTILE}"]
    for path in paths:
        page = shown(admin, path)
        assert "<script" not in page
        assert "<img" not in page
        assert " style=" not in page
    assert HOSTILE in unescape(shown(admin, f"/devices/{hostile.uid}"))


def test_the_csv_holds_what_the_page_is_narrowed_to_and_no_formula(estate: Estate, admin: FlaskClient) -> None:
    estate.full(FORMULA, "North", settled=600.0)
    estate.full("STH-DT-0201", "South", free=0.04)
    estate.judged()
    page = shown(admin, "/replacements?unit=North")
    answer = admin.get(
        unescape(page.split('href="/replacements.csv', 1)[1].split('"', 1)[0]).join(["/replacements.csv", ""])
    )

    lines = answer.text.splitlines()
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert len(lines) == 2
    assert lines[1].startswith("'=cmd|' /C calc'!A0,")
    with estate.database.read() as connection:
        newest = audit.newest(connection, 1)[0]
    assert (newest["action"], newest["target"], newest["detail"]) == (
        "export", "replacements", '{"filters":{"unit":"North"}}',
    )  # fmt: skip


def test_a_serial_or_a_hostname_leads_straight_to_its_device(estate: Estate, admin: FlaskClient) -> None:
    device = estate.full("NTH-LT-0101")
    for _ in range(2):
        estate.full("TWIN-1")
    estate.judged()

    for text in ("nth-lt-0101", "SNTH-LT-0101", device.uid):
        assert admin.get(f"/find?text={text}").location == f"/devices/{device.uid}"
        if text != device.uid:
            assert admin.get(f"/devices/{text}").location == f"/devices/{device.uid}"
    assert admin.get("/find?text=TWIN-1").location == "/devices?text=TWIN-1"
    assert admin.get("/devices/TWIN-1").location == "/devices?text=TWIN-1"
    assert admin.get("/devices/no-such-device").status_code == 404


def test_figures_that_are_old_are_said_to_be_old(estate: Estate, admin: FlaskClient) -> None:
    estate.full("NTH-LT-0101")
    estate.judged()
    with estate.database.write() as connection:
        connection.execute(update(estate_snapshots).values(made_at=now_ms() - 20 * 60_000))

    for path in PAGES:
        assert "These figures are old. Made 20 min ago" in words(shown(admin, path))


@pytest.fixture
def statements(estate: Estate) -> Iterator[list[str]]:
    """The questions that the application asks of its store while a test runs."""
    sent: list[str] = []
    engine: Engine = estate.app.extensions["muster"].database.engine

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        ours = threading.current_thread() is threading.main_thread()  # revocations are read beside it
        if ours and statement.lstrip().startswith("SELECT"):
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def test_a_page_asks_no_more_of_the_store_for_many_devices_than_for_few(
    estate: Estate, admin: FlaskClient, statements: list[str]
) -> None:
    def asked() -> dict[str, int]:
        counts = {}
        for path in PAGES:
            statements.clear()
            shown(admin, path)
            counts[path] = len(statements)
        return counts

    devices = [estate.full(f"NTH-DT-{n:04}", settled=600.0) for n in range(2)]
    estate.judged()
    few = asked()
    for n in range(8):
        estate.full(f"STH-DT-{n:04}", settled=600.0, free=0.04)
    estate.judged()
    many = asked()
    statements.clear()
    shown(admin, f"/devices/{devices[0].uid}")

    assert {path: number for path, number in many.items() if number > few[path]} == {}
    assert max(few.values()) <= 9
    assert len(statements) <= 14


def test_a_person_acknowledges_a_flag_with_a_note_and_takes_it_back(estate: Estate) -> None:
    device = estate.full("NTH-DT-0102", settled=600.0)
    estate.judged()
    desk = estate.person("service_desk")
    form = {"csrf_token": token(desk, f"/devices/{device.uid}")}

    refused = desk.post("/flags/1/acknowledge", data=form)
    assert refused.status_code == 400
    assert "There is a problem Write who deals with it, and how." in words(refused.text)
    desk.post("/flags/1/acknowledge", data={**form, "note": "New drive ordered"})
    assert "New drive ordered" in words(shown(desk, f"/devices/{device.uid}"))
    assert "New drive ordered" in words(shown(desk, "/replacements"))
    desk.post("/flags/1/take-back", data=form)
    assert "New drive ordered" not in words(shown(desk, f"/devices/{device.uid}"))
    with estate.database.read() as connection:
        trail = [(entry["action"], entry["target"]) for entry in audit.newest(connection, 2)]
    assert trail == [("take back", device.uid), ("acknowledge flag", device.uid)]


def test_an_administrator_lets_a_waiting_device_in(estate: Estate, admin: FlaskClient) -> None:
    device = estate.full("WST-LT-0301", needs_approval=True)
    estate.judged()
    assert "1 device waits for approval" in words(shown(admin, "/"))
    assert "WST-LT-0301" in words(shown(admin, "/devices?waiting=yes"))

    admin.post(f"/devices/{device.uid}/approve", data={"csrf_token": token(admin, f"/devices/{device.uid}")})
    estate.judged()

    assert "waits for approval" not in words(shown(admin, "/"))
    assert "Keep. No rule is true" in words(shown(admin, f"/devices/{device.uid}"))
