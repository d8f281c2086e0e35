"""Every route as every role and as nobody: what is not allowed is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from tests.server.door import Device
from tests.server.estate import Estate, token

from muster_server.config import Settings
from muster_server.db import Database
from muster_server.roles import OPEN, RIGHTS, ROLES, ROUTES

_REFUSED = 403


@pytest.fixture
def estate(app: Flask, database: Database, settings: Settings) -> Estate:
    return Estate(app, database, settings)


def _requests(app: Flask, device: Device) -> Iterator[tuple[str, str, str]]:
    """(endpoint, method, path) of every route that is guarded."""
    values = {"name": device.uid, "device_id": device.uid, "flag_id": 1, "assessment_id": 1}
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            if ROUTES[rule.endpoint] in OPEN:
                continue
            path = app.url_map.bind("localhost").build(rule.endpoint, {n: values[n] for n in rule.arguments})
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                yield rule.endpoint, method, path


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reaches_exactly_the_routes_that_its_rights_name(estate: Estate, role: str) -> None:
    device = estate.full("NTH-LT-0101", settled=600.0)
    estate.judged()
    browser = estate.person(role)
    form = {"csrf_token": token(browser, "/account")}
    wrong = []
    walked = list(_requests(estate.app, device))
    for endpoint, method, path in sorted(walked, key=lambda route: route[0] == "signing.sign_out"):
        answer = browser.open(path, method=method, data=form if method == "POST" else None)
        allowed = role in RIGHTS[ROUTES[endpoint]]
        if (answer.status_code == _REFUSED) == allowed or answer.status_code >= 500:
            wrong.append(f"{method} {path}: {answer.status_code}")

    assert len(walked) > 15
    assert wrong == []


def test_nobody_reaches_a_guarded_route(estate: Estate) -> None:
    device = estate.device()
    stranger = estate.app.test_client()
    form = {"csrf_token": token(stranger, "/sign-in")}
    for endpoint, method, path in _requests(estate.app, device):
        answer = stranger.open(path, method=method, data=form if method == "POST" else None)
        if endpoint.startswith("api."):
            assert answer.status_code == 401
        else:
            assert answer.status_code == 302
            assert answer.location.startswith("/sign-in")


def test_a_right_is_named_for_every_route_and_for_no_other(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(ROUTES)
