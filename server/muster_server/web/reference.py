"""The API described: `/openapi.json` as committed, open to anybody, and `/api`, the same for a person to read."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from flask import Blueprint, Response, render_template

from muster_server.services import current
from muster_server.web.api.asked import allowed

DOCUMENT = Path(__file__).parent.parent / "openapi.json"
blueprint = Blueprint("reference", __name__)
# Path -> what to ask in the example; the others are asked nothing.
_ASKED = {"/api/v1/devices": "?verdict=fix&sort=start&order=desc&limit=10", "/api/v1/replacements": "?suggests=replace"}
_DEVICE_ID = "01900000-0000-7000-8000-000000000000"


class Operation(NamedTuple):
    """One thing that can be asked, as the page shows it."""

    path: str
    summary: str
    description: str
    parameters: list[tuple[str, str, str]]  # name, what it takes, what it does
    curl: str


@blueprint.get("/openapi.json")
def document() -> Response:
    """The committed document."""
    return Response(DOCUMENT.read_bytes(), content_type="application/json")


@blueprint.get("/api")
def page() -> str:
    """Every question that the API answers, with an example that can be pasted into a shell."""
    operations = [_operation(path, item["get"]) for path, item in _described()["paths"].items() if "get" in item]
    return render_template("reference.html", operations=operations)


@cache
def _described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DOCUMENT.read_bytes())
    return found


def _operation(path: str, described: dict[str, Any]) -> Operation:
    asked = [each for each in described["parameters"] if each["in"] == "query"]
    address = current().settings.address + path.replace("{device_id}", _DEVICE_ID) + _ASKED.get(path, "")
    return Operation(
        path=path,
        summary=described["summary"],
        description=described["description"],
        parameters=[(each["name"], allowed(each["schema"]), each.get("description", "")) for each in asked],
        curl=f"curl -H \"Authorization: Bearer $MUSTER_TOKEN\" '{address}'",
    )
