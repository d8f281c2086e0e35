"""The OpenAPI 3.1 document of everything under `/api/v1`, generated and committed; the server only hands it out.

Enters: the API's table of views with their annotations and docstrings, the wire's structs, the table of rights.
Leaves: `openapi.json` beside this module. `python -m muster_server.openapi` writes it; a test fails when it drifts.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from typing import Any, get_type_hints

import msgspec

from muster_server.ingest import api as ingest
from muster_server.ingest import schema as wire
from muster_server.ingest.sections import SECTIONS
from muster_server.problems import Problem
from muster_server.roles import RIGHTS, ROUTES
from muster_server.web import api
from muster_server.web.api.asked import parameters
from muster_server.web.reference import DOCUMENT

_ABOUT = (
    "Which devices are ready for work, what is wrong with the others, and the evidence. Unknown is null, never zero."
)
_SCHEMAS = "#/components/schemas/{name}"
_PROBLEMS = {
    400: "The question cannot be read: `detail` names the parameter or field, and what is allowed.",
    401: "Who asks is not known: a token or key is missing, not genuine, expired or revoked.",
    403: "Who asks is known and may not; an agent whose token was revoked stops.",
    404: "There is no such device, or nothing is known of it yet.",
    413: "The body is too large: send fewer reports at once.",
    429: "Too many requests; `Retry-After` says when to go on.",
    503: "Nothing can be stored or read just now; `Retry-After` says when to try again.",
}
_SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "An API token: `muster token create --role viewer`."},
    "session": {"type": "apiKey", "in": "cookie", "name": "muster", "description": "A person who signed in."},
    "device": {"type": "http", "scheme": "bearer", "bearerFormat": "m1", "description": "What enrolment gave."},
}  # fmt: skip
_LIMITS = (
    f"The body is JSON of at most {wire.MAX_WIRE_BYTES:,} bytes on the wire and {wire.MAX_INFLATED_BYTES:,} inflated. "
    "Unknown fields are ignored and never stored."
)
_REPORT = {
    "report_id": "0123456789abcdef0123456789abcdef:1",
    "schema": 1,
    "collected_at": "2026-11-20T08:00:00Z",
    "outcomes": {"battery": {"outcome": "absent"}, "disks": {"outcome": "ok", "seconds": 0.004}},
    "sections": {"disks": {"volumes": [{"name": "/", "total_bytes": 512, "free_bytes": 128, "system": True}]}},
}
_EXAMPLES: dict[type, dict[str, Any]] = {
    wire.EnrolRequest: {"agent": {"version": "0.1.0"}, "hardware": {"system_serial": "PF3XK2"}, "key": "mk_…"},
    wire.Envelope: {"sent_at": "2026-11-20T08:00:01Z", "agent": {"version": "0.1.0"}, "reports": [_REPORT]},
}


def build() -> dict[str, Any]:
    """The document, made anew."""
    answers = [get_type_hints(view)["return"] for view in api.VIEWS.values()]
    spoken = [wire.EnrolRequest, wire.EnrolAnswer, wire.Envelope, wire.RawReport, wire.ReportsAnswer, Problem]
    _, schemas = msgspec.json.schema_components([*answers, *spoken], ref_template=_SCHEMAS)
    references, sections = msgspec.json.schema_components(list(SECTIONS.values()), ref_template=_SCHEMAS)
    schemas["Envelope"]["properties"]["reports"]["items"] = _schema(wire.RawReport)
    schemas["RawReport"]["properties"]["sections"]["properties"] = dict(zip(SECTIONS, references, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Muster", "version": "1", "description": _ABOUT},
        "paths": {
            **{_path(rule): {"get": _get(rule, view)} for rule, view in api.VIEWS.items()},
            "/api/v1/enrol": {"post": _post(ingest.enrol, wire.EnrolRequest, answer=(201, wire.EnrolAnswer))},
            "/api/v1/reports": {"post": _post(ingest.reports, wire.Envelope, answer=(202, wire.ReportsAnswer))},
        },
        "components": {
            "schemas": dict(sorted({**schemas, **sections}.items())),
            "responses": {f"Problem{status}": _problem(status) for status in _PROBLEMS},
            "securitySchemes": _SECURITY,
        },
    }


def _get(rule: str, view: api.View) -> dict[str, Any]:
    known = parameters(api.asks(view))
    in_path = {name: {"type": "string", "format": kind} for kind, name in re.findall(r"<(\w+):(\w+)>", rule)}
    roles = ", ".join(sorted(RIGHTS[ROUTES[f"api.{view.__name__}"]]))
    return {
        **_described(view, more=f"For the roles {roles}."),
        "security": [{"token": []}, {"session": []}],
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": schema} for name, schema in in_path.items()),
            *(_parameter(name, schema) for name, schema in known.items()),
        ],
        "responses": _responses((200, get_type_hints(view)["return"]), 400, 401, 403, 404, 503),
    }


def _post(view: Callable[..., Any], asked: type, *, answer: tuple[int, type]) -> dict[str, Any]:
    by_key: list[dict[str, Any]] = [{}] if view is ingest.enrol else []
    encoding = {"type": "string", "enum": ["gzip", "identity"], "default": "identity"}
    return {
        **_described(view, more=_LIMITS),
        "security": [*by_key, {"device": []}],
        "parameters": [{"name": "Content-Encoding", "in": "header", "schema": encoding}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _schema(asked), "example": _EXAMPLES[asked]}},
        },
        "responses": _responses(answer, 400, 401, 403, 413, 429, 503),
    }


def _described(view: Callable[..., Any], *, more: str) -> dict[str, Any]:
    """What a view's docstring says: its first sentence, and all of it."""
    text = " ".join((inspect.getdoc(view) or "").split())
    summary = re.split(r"(?<=[.:]) ", text)[0].rstrip(".:")
    return {"operationId": view.__name__, "summary": summary, "description": f"{text} {more}"}


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    rest = dict(schema)
    described = {"description": rest.pop("description")} if "description" in rest else {}
    return {"name": name, "in": "query", **described, "schema": rest}


def _responses(answer: tuple[int, type], *problems: int) -> dict[str, Any]:
    status, kind = answer
    content = {"application/json": {"schema": _schema(kind)}}
    good = {"description": (kind.__doc__ or "").split("\n")[0], "content": content}
    return {str(status): good, **{str(each): {"$ref": f"#/components/responses/Problem{each}"} for each in problems}}


def _problem(status: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _schema(Problem)}}
    after = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
    return {
        "description": _PROBLEMS[status],
        "content": content,
        **({"headers": after} if status in (429, 503) else {}),
    }


def _schema(kind: type) -> dict[str, str]:
    return {"$ref": _SCHEMAS.format(name=kind.__name__)}


def _path(rule: str) -> str:
    return "/api/v1" + re.sub(r"<\w+:(\w+)>", r"{\1}", rule)


def text() -> str:
    """The document as it is committed."""
    return json.dumps(build(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(text(), "utf-8")
