"""What every page shares: its template globals, headers, protection of forms, and how old its figures are."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from flask import Flask, Response, g, request, url_for
from flask_wtf.csrf import CSRFProtect

from muster_server import auth
from muster_server.clock import iso, now_ms
from muster_server.services import current
from muster_server.store.operations import last_ended
from muster_server.store.snapshots import newest_made_at
from muster_server.web import words

_STALE_MS = 5 * 60_000
_YEAR_SECONDS = 31_536_000
_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

NAVIGATION = (
    ("estate.estate", "Estate"),
    ("devices.devices", "Devices"),
    ("replacements.replacements", "Replacements"),
    ("coverage.coverage", "Coverage"),
)


class Freshness(NamedTuple):
    """When the figures of the estate were made and devices last judged (epoch ms; None: never yet)."""

    made_at: int | None
    judged_at: int | None
    stale: bool


def init_app(app: Flask) -> None:
    """Protect forms, set headers, and give templates their globals. Call it after the agents' routes are registered."""
    # A token is good as long as the session whose cookie holds it.
    app.config.update(WTF_CSRF_TIME_LIMIT=None)
    protection = CSRFProtect(app)
    protection.exempt(app.blueprints["ingest"])
    app.after_request(_headers)
    app.context_processor(_globals)
    for name in (
        "age",
        "count",
        "day",
        "evidence_value",
        "marked",
        "minutes",
        "moment",
        "named",
        "percent",
        "seconds",
        "size",
    ):
        app.add_template_filter(getattr(words, name))
    app.add_template_filter(iso)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def now() -> int:
    """The instant (epoch ms) that everything in this answer counts from."""
    at: int = g.setdefault("now", now_ms())
    return at


def freshness() -> Freshness:
    """How old the figures on this page are."""
    with current().database.read() as connection:
        made_at, judged_at = newest_made_at(connection), last_ended(connection, "judge")
    oldest = min(made_at or 0, judged_at or 0)
    return Freshness(made_at, judged_at, made_at is not None and now() - oldest > _STALE_MS)


@cache
def rules() -> dict[str, dict[str, Any]]:
    """What pages say of each rule, by its id."""
    text = resources.files("muster_server").joinpath("rules.json").read_bytes()
    return {rule["id"]: rule for rule in msgspec.json.decode(text)["rules"]}


def asset(name: str) -> str:
    """The URL of a static file with the digest of its content, so that browsers may keep it."""
    return url_for("static", filename=name, v=_digest(name))


def _globals() -> dict[str, Any]:
    return {
        "asset": asset,
        "demo": current().settings.demo,
        "freshness": freshness,
        "may": auth.may,
        "navigation": NAVIGATION,
        "now": now(),
        "person": g.get("person"),
        "rules": rules(),
        "words": words,
    }


def _headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if request.endpoint == "static" and response.status_code == 200:
        named = request.args.get("v") == _digest((request.view_args or {}).get("filename", ""))
        response.headers["Cache-Control"] = f"public, max-age={_YEAR_SECONDS}, immutable" if named else "no-cache"
    else:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


@cache
def _digest(name: str) -> str:
    path = Path(__file__).parent / "static" / name
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""
