"""The read API under `/api/v1`: typed answers for programs, to whoever holds the right `read`.

Enters: GET requests with an API token or a person's session. Leaves: JSON of the structs in `answers`, or RFC 9457
problems. `VIEWS` is the one table of its routes: a view's annotations say what its query string takes and what it
answers, its docstring describes it, and `muster_server.openapi` makes the document of all three.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, get_type_hints

import msgspec
from flask import Blueprint, Response, request
from sqlalchemy.exc import OperationalError

from muster_server.encoding import encode
from muster_server.problems import ProblemError
from muster_server.web.api.answers import explicit
from muster_server.web.api.asked import decode
from muster_server.web.api.devices import assessment, device, devices, software
from muster_server.web.api.estate import estate
from muster_server.web.api.replacements import replacements

View = Callable[..., msgspec.Struct]

VIEWS: dict[str, View] = {
    "/devices": devices,
    "/devices/<uuid:device_id>": device,
    "/devices/<uuid:device_id>/software": software,
    "/devices/<uuid:device_id>/assessment": assessment,
    "/replacements": replacements,
    "/estate": estate,
}

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")


def asks(view: View) -> type[msgspec.Struct]:
    """The struct of a view's query string: the annotation of its first parameter."""
    kind: type[msgspec.Struct] = next(iter(get_type_hints(view).values()))
    return kind


@blueprint.errorhandler(OperationalError)
def busy(_error: OperationalError) -> Response:
    """The store does not answer."""
    detail = "The store does not answer; try again later."
    return ProblemError(503, "busy", detail=detail, retry_after_seconds=30).response()


def _answering(view: View) -> Callable[..., Response]:
    kind = asks(view)

    @wraps(view)
    def answer(**path: Any) -> Response:
        found = view(decode(kind, request.args), **{name: str(value) for name, value in path.items()})
        response = Response(encode(explicit(found)), content_type="application/json")
        response.headers["Cache-Control"] = "no-store"
        return response

    return answer


for _path, _view in VIEWS.items():
    blueprint.add_url_rule(_path, _view.__name__, _answering(_view))
