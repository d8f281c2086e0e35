"""Signing in and out: passwords, links that are good once, sessions that end, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from tests.server.estate import token
from werkzeug.test import TestResponse

from muster_server import auth
from muster_server.clock import HOUR_MS, now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.models import sessions, users
from muster_server.store import audit, people
from muster_server.web.signing import own_path

PASSWORD = "three random words"


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """SQLite alone: passwords are slow to check, and every other page signs people in on both stores."""
    return f"sqlite:///{tmp_path / 'muster.db'}"


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def jo(database: Database) -> str:
    """Somebody with a password."""
    with database.write() as connection:
        people.create_user(connection, "jo", role="service_desk", now=now_ms())
        people.set_password(connection, "jo", password_hash=auth.hash_password(PASSWORD))
    return "jo"


def sign_in(browser: FlaskClient, name: str, password: str = PASSWORD, path: str = "/sign-in") -> TestResponse:
    form = {"name": name, "password": password, "csrf_token": token(browser, "/sign-in")}
    return browser.post(path, data=form)


def trail(database: Database) -> list[tuple[str, str, str | None]]:
    with database.read() as connection:
        return [(entry["actor"], entry["action"], entry["target"]) for entry in audit.newest(connection, 20)][::-1]


def link(database: Database, name: str, hours: int = 1) -> str:
    with database.write() as connection:
        return f"/sign-in/{people.make_link(connection, name, now=now_ms(), hours=hours)}"


def test_a_name_and_its_password_open_a_session_with_a_new_secret(browser: FlaskClient, jo: str) -> None:
    assert browser.get("/devices?unit=North").location == "/sign-in?next=%2Fdevices%3Funit%3DNorth"
    before = browser.get_cookie("muster")
    answer = sign_in(browser, jo, path="/sign-in?next=%2Fdevices%3Funit%3DNorth")

    assert (answer.status_code, answer.location) == (303, "/devices?unit=North")
    cookie = browser.get_cookie("muster")
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site, cookie.value != (before and before.value)) == (True, "Lax", True)
    assert browser.get("/").status_code == 200


def test_a_wrong_password_and_an_unknown_name_are_told_in_the_same_words(
    browser: FlaskClient, jo: str, database: Database
) -> None:
    for name, password in ((jo, "not this one"), ("nobody-here", PASSWORD)):
        answer = sign_in(browser, name, password)
        assert answer.status_code == 400
        assert "The name or the password is wrong." in answer.text
        assert password not in answer.text
    assert "Enter your name and your password." in sign_in(browser, "", "").text
    # What was typed as a name and is none may be a password: it is not written down.
    assert trail(database) == [("nobody", "sign-in failed", "jo"), ("nobody", "sign-in failed", None)]


def _failures(browser: FlaskClient, names: list[str]) -> int:
    """How often signing in fails before it is refused for the number of attempts; they come back while time passes."""
    return next((n for n, name in enumerate(names) if sign_in(browser, name, "guess").status_code == 429), len(names))


def test_failures_run_out_by_name_and_a_success_counts_as_none(browser: FlaskClient, jo: str, app: Flask) -> None:
    for _ in range(8):
        assert sign_in(browser, jo).status_code == 303
    failures = _failures(browser, [jo] * 60)
    other = app.test_client()
    other.environ_base["REMOTE_ADDR"] = "192.0.2.9"

    assert 5 <= failures < 60
    assert sign_in(other, jo).status_code == 429
    assert sign_in(browser, jo).headers["Retry-After"] == "60"


def test_failures_run_out_by_address(browser: FlaskClient, app: Flask) -> None:
    failures = _failures(browser, [f"guess-{n}" for n in range(200)])
    other = app.test_client()
    other.environ_base["REMOTE_ADDR"] = "192.0.2.9"

    assert 20 <= failures < 200
    assert sign_in(other, "guess-0", "wrong").status_code == 400


def test_a_link_is_good_once_only_by_its_button_and_only_in_time(
    browser: FlaskClient, jo: str, database: Database
) -> None:
    path = link(database, jo)
    for _ in range(3):
        assert "Press the button" in browser.get(path).text
    assert browser.post(path, data={"csrf_token": token(browser, path)}).location == "/"
    spent = browser.post(path, data={"csrf_token": token(browser, path)})
    assert (spent.status_code, "no longer good" in spent.text) == (400, True)

    path = link(database, jo)
    with database.write() as connection:
        connection.execute(update(users).values(link_expires_at=now_ms() - 1))
    assert browser.post(path, data={"csrf_token": token(browser, path)}).status_code == 400
    assert ("jo", "sign-in", None) in trail(database)


def test_a_form_without_its_token_is_refused(browser: FlaskClient, jo: str, database: Database) -> None:
    refused = browser.post("/sign-in", data={"name": jo, "password": PASSWORD})
    assert refused.status_code == 400
    assert "This form was opened in another session" in refused.text
    assert browser.post(link(database, jo)).status_code == 400
    sign_in(browser, jo)
    for path in ("/sign-out", "/account", "/flags/1/acknowledge", "/devices/x/approve"):
        assert browser.post(path, data={"csrf_token": "made up"}).status_code == 400
    assert browser.get("/").status_code == 200


def test_a_session_ends_when_idle_when_old_and_when_signed_out(
    browser: FlaskClient, jo: str, database: Database, settings: Settings
) -> None:
    ends = (
        {"seen_at": now_ms() - settings.session_idle_minutes * 60_000 - 1},
        {"created_at": now_ms() - settings.session_hours * HOUR_MS - 1},
    )
    for values in ends:
        sign_in(browser, jo)
        assert browser.get("/").status_code == 200
        with database.write() as connection:
            connection.execute(update(sessions).values(values))
        assert browser.get("/").status_code == 302

    sign_in(browser, jo)
    kept = browser.get_cookie("muster")
    browser.post("/sign-out", data={"csrf_token": token(browser, "/account")})
    assert kept is not None
    browser.set_cookie("muster", kept.value)
    assert browser.get("/").status_code == 302
    assert trail(database)[-1] == ("jo", "sign-out", None)


def test_a_disabled_account_is_out_at_once(browser: FlaskClient, jo: str, database: Database) -> None:
    sign_in(browser, jo)
    with database.write() as connection:
        connection.execute(update(users).values(disabled_at=now_ms()))

    assert browser.get("/").status_code == 302
    assert sign_in(browser, jo).status_code == 400


def test_a_new_password_ends_every_other_session_and_keeps_this_one(
    browser: FlaskClient, app: Flask, jo: str, database: Database
) -> None:
    other = app.test_client()
    sign_in(other, jo)
    sign_in(browser, jo)
    new = "four words are better"
    form = {"csrf_token": token(browser, "/account"), "old": PASSWORD, "new": new, "again": new}
    answer = browser.post("/account", data=form)

    assert "Your new password is set." in answer.text
    assert browser.get("/").status_code == 200
    assert other.get("/").status_code == 302
    assert sign_in(other, jo).status_code == 400
    assert sign_in(other, jo, new).status_code == 303
    assert ("jo", "password", None) in trail(database)


@pytest.mark.parametrize(
    ("old", "new", "again", "said"),
    [
        (PASSWORD, "too short", "too short", "must have 12 to 200 characters"),
        (PASSWORD, "x" * 201, "x" * 201, "must have 12 to 200 characters"),
        (PASSWORD, "four words are better", "four words are bitter", "not typed the same way twice"),
        ("wrong", "four words are better", "four words are better", "The present password is wrong."),
    ],
)
def test_a_password_that_will_not_do_is_refused_with_the_reason(  # noqa: PLR0917 - fixtures and a table
    browser: FlaskClient, jo: str, old: str, new: str, again: str, said: str
) -> None:
    sign_in(browser, jo)
    form = {"csrf_token": token(browser, "/account"), "old": old, "new": new, "again": again}
    answer = browser.post("/account", data=form)

    assert answer.status_code == 400
    assert "There is a problem" in answer.text
    assert said in answer.text


def test_who_came_by_link_sets_a_first_password_without_an_old_one(browser: FlaskClient, database: Database) -> None:
    with database.write() as connection:
        people.create_user(connection, "sam", role="viewer", now=now_ms())
    path = link(database, "sam")
    browser.post(path, data={"csrf_token": token(browser, path)})
    form = {"csrf_token": token(browser, "/account"), "new": PASSWORD, "again": PASSWORD}

    assert "Your new password is set." in browser.post("/account", data=form).text
    assert sign_in(browser, "sam").status_code == 303


@pytest.mark.parametrize(
    "asked",
    [None, "", "https://evil.example", "//evil.example", "/\\evil.example", "devices", "javascript:alert(1)", "/a\nb"],
)
def test_after_signing_in_nobody_is_sent_to_another_host(asked: str | None) -> None:
    assert own_path(asked) == "/"
    assert own_path("/devices?unit=North") == "/devices?unit=North"
