"""`/healthz` and `/readyz`: for a supervisor, a proxy or the launcher. No sign-in, no secrets."""

from __future__ import annotations

from flask import Blueprint, Flask, Response
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from muster_server.encoding import encode
from muster_server.ingest.api import door
from muster_server.services import current

blueprint = Blueprint("health", __name__)


def init_app(app: Flask) -> None:
    """Register the two routes on the application."""
    app.register_blueprint(blueprint)


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return _json({"status": "ok"}, 200)


@blueprint.get("/readyz")
def readyz() -> Response:
    """Reports can be taken: the store answers, the writer lives, revocations are fresh. Else 503 with what is wrong."""
    checks = {
        "store": _store_answers(),
        "writer": door().writer.alive,
        "revocations": door().revocations.fresh,
    }
    ready = all(checks.values())
    return _json({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)


def _store_answers() -> bool:
    try:
        with current().database.read() as connection:
            connection.execute(text("SELECT 1"))
    except DBAPIError:
        return False
    return True


def _json(body: object, status: int) -> Response:
    return Response(encode(body), status, content_type="application/json")
