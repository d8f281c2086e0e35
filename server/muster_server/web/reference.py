"""`/openapi.json`: the committed document that describes the API. Open to anybody: it shows nothing of the estate."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response

DOCUMENT = Path(__file__).parent.parent / "openapi.json"
blueprint = Blueprint("reference", __name__)


@blueprint.get("/openapi.json")
def document() -> Response:
    """The committed document."""
    return Response(DOCUMENT.read_bytes(), content_type="application/json")
