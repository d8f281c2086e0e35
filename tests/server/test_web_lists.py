"""Lists in parts, their order and filters, headers of every page, errors as pages."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.server.estate import Estate

from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.ids import new_uid
from muster_server.models import device_state, devices
from muster_server.store.lists import SORTS

MANY = 120


@pytest.fixture
def admin(app: Flask, database: Database, settings: Settings) -> FlaskClient:
    return Estate(app, database, settings).person("admin")


@pytest.fixture
def crowd(database: Database) -> None:
    """Devices of which some know nothing, some have the same values."""
    now = now_ms()
    with database.write() as connection:
        for n in range(1, MANY + 1):
            row = {"id": n, "uid": new_uid(now), "generation": 1, "enrolled_at": now, "approved": True}
            connection.execute(devices.insert().values(row))
            known = {"hostname": f"PC-{n // 2:03}", "last_start_ms": n % 7 * 1000, "reported_at": now - n}
            known["disk_free_ratio"] = n % 5 / 10
            connection.execute(device_state.insert().values(device_id=n, **(known if n % 3 else {})))


def _walk(browser: FlaskClient, path: str) -> list[str]:
    """The numbers of all devices of a list, part by part."""
    found: list[str] = []
    while path:
        page = browser.get(path).text
        found += re.findall(r'href="/devices/([0-9a-f-]{36})"', page)
        after = re.search(r'rel="next" href="([^"]+)"', page)
        path = unescape(after.group(1)) if after else ""
    return found


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("sort", [*SORTS, *(f"-{name}" for name in SORTS)])
def test_every_order_lists_each_device_once(admin: FlaskClient, sort: str) -> None:
    found = _walk(admin, f"/devices?sort={sort}")

    assert len(found) == MANY
    assert len(set(found)) == MANY


@pytest.mark.usefixtures("crowd")
def test_a_place_that_was_changed_or_made_for_another_order_is_refused(admin: FlaskClient) -> None:
    page = admin.get("/devices").text
    after = unescape(re.findall(r'rel="next" href="([^"]+)"', page)[0])

    for bad in (f"{after}x", f"{after}&sort=-start", "/devices?after=W10", "/devices?sort=colour", "/devices?silent=2"):
        answer = admin.get(bad)
        assert answer.status_code == 400
        assert "<h1>This request cannot be understood</h1>" in answer.text
    assert admin.get("/devices?text=%00%25_%27").status_code == 200


@pytest.mark.usefixtures("crowd")
def test_filters_stand_in_the_address_and_can_be_removed_one_by_one(admin: FlaskClient) -> None:
    page = admin.get("/devices?text=PC-01&verdict=not+judged").text

    assert "1 to 13 of 13 devices" in page
    assert 'href="/devices?verdict=not+judged" aria-label="Remove the filter Search: PC-01"' in page
    assert '<option value="not judged" selected>' in page
    assert "No device fits these filters" in admin.get("/devices?text=PC-01&verdict=keep").text


def test_every_answer_carries_the_headers_that_keep_strangers_out(admin: FlaskClient) -> None:
    for path in ("/", "/devices", "/sign-in", "/nothing-here", "/replacements.csv"):
        headers = admin.get(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"


def test_static_files_are_kept_by_browsers_as_long_as_their_content_stands(admin: FlaskClient) -> None:
    sheet = re.search(r'href="(/static/muster\.css\?v=[0-9a-f]{16})"', admin.get("/").text)
    assert sheet is not None

    kept = {}
    for path in (sheet.group(1), "/static/muster.css", "/static/muster.css?v=0123"):
        with admin.get(path) as answer:
            kept[path] = answer.headers["Cache-Control"]
    assert list(kept.values()) == ["public, max-age=31536000, immutable", "no-cache", "no-cache"]


def test_errors_are_pages_that_say_what_to_do_and_problems_under_the_api(admin: FlaskClient) -> None:
    missing = admin.get("/nothing-here")
    assert (missing.status_code, "Check the address" in missing.text) == (404, True)
    assert admin.get("/sign-out").status_code == 405
    assert admin.get("/api/v1/nothing").content_type == "application/problem+json"


def test_a_mistake_of_the_server_is_a_page_without_its_details(app: Flask, admin: FlaskClient) -> None:
    database = app.extensions["muster"].database
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE estate_snapshots")
    app.config["PROPAGATE_EXCEPTIONS"] = False

    answer = admin.get("/")

    assert answer.status_code == 500
    assert "Something went wrong in Muster" in answer.text
    assert "estate_snapshots" not in answer.text


def test_the_demo_says_on_every_page_that_it_is_one(app: Flask, admin: FlaskClient) -> None:
    assert "simulated" not in admin.get("/").text
    services = app.extensions["muster"]
    shown = Settings(database_url=services.settings.database_url, data_dir=services.settings.data_dir, demo=True)
    app.extensions["muster"] = type(services)(settings=shown, database=services.database)

    for path in ("/", "/devices", "/sign-in", "/nothing-here"):
        assert "Demo: every device here is simulated." in admin.get(path).text
