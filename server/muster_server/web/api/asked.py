"""Query strings of the API, strict: an unknown parameter or a wrong value is a problem that names what is allowed.

Enters: text from whoever asks. Leaves: frozen structs. A parameter that is left out narrows nothing. `parameters` gives
the JSON Schemas that both the OpenAPI document and the sentences of a refusal are made of.
"""

from __future__ import annotations

import difflib
import re
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType
from werkzeug.datastructures import MultiDict

from muster_server.health.findings import Suggestion, Verdict
from muster_server.ingest.sections import DeviceClass
from muster_server.problems import ProblemError


def _text(description: str) -> Meta:
    return Meta(min_length=1, max_length=256, description=description)


_Class = Literal[DeviceClass, "not known"]
_Collector = Literal["starts", "sign_ins", "use", "disks", "hardware", "system", "battery"]
_Sort = Literal["hostname", "reported", "start", "free", "verdict"]
_Status = Literal["in use", "stock", "repair", "lost", "retired"]
_Stands = Literal[Verdict, "not judged"]
Cursor = Annotated[str, Meta(max_length=2_000, description="`next` of the answer before; leave it out to begin.")]
Rule = Annotated[str, _text("Id of a rule that is true: it has an open flag.")]
Unit = Annotated[str, _text("Unit that the device belongs to, or `not known`.")]


class Nothing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No parameters."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of a list."""

    limit: Annotated[int, Meta(ge=1, le=1_000, description="How many items at most.")] = 100
    after: Cursor | UnsetType = UNSET


class DevicesAsked(Part, frozen=True):
    """What narrows and orders the list of devices."""

    text: Annotated[str, _text("Part of a hostname, serial, model or id.")] | UnsetType = UNSET
    device_class: Annotated[_Class, Meta(description="What kind of device it is.")] | UnsetType = UNSET
    os_name: Annotated[str, _text("Operating system as the device names it, or `not known`.")] | UnsetType = UNSET
    verdict: Annotated[_Stands, Meta(description="The verdict that stands.")] | UnsetType = UNSET
    rule: Rule | UnsetType = UNSET
    unit: Unit | UnsetType = UNSET
    status: Annotated[_Status, Meta(description="What the asset register says, or `in use`.")] | UnsetType = UNSET
    silent_days: Annotated[int, Meta(ge=1, le=400, description="Not heard of for so many days.")] | UnsetType = UNSET
    lacks: Annotated[_Collector, Meta(description="A collector whose fact is not known.")] | UnsetType = UNSET
    failed: Annotated[str, _text("A collector that failed in the newest report.")] | UnsetType = UNSET
    waiting: Annotated[bool, Meta(description="Those that wait for approval, instead of the approved.")] = False
    sort: Annotated[_Sort, Meta(description="What orders the list; the unknown stand last.")] = "hostname"
    order: Annotated[Literal["asc", "desc"], Meta(description="From the least or from the most.")] = "asc"


class ReplacementsAsked(Part, frozen=True):
    """What narrows the list of open recommendations."""

    suggests: Annotated[Suggestion, Meta(description="What is recommended.")] | UnsetType = UNSET
    rule: Rule | UnsetType = UNSET
    unit: Unit | UnsetType = UNSET


Asked = TypeVar("Asked", bound=msgspec.Struct)


def decode(kind: type[Asked], given: MultiDict[str, str]) -> Asked:
    """The parameters of a request; raises ProblemError 400 with the nearest name and what is allowed."""
    known = parameters(kind)
    for name, values in given.lists():
        if name not in known:
            raise _refused(_unknown(name, list(known)))
        if len(values) > 1:
            raise _refused(f"Parameter `{name}` is given {len(values)} times; give it once.")
        if "\0" in values[0]:  # no text column of PostgreSQL can hold one
            raise _refused(f"Parameter `{name}` holds a NUL character.")
    try:
        return msgspec.convert(given.to_dict(), kind, strict=False)
    except msgspec.ValidationError as error:
        found = re.search(r"\$\.(\w+)", str(error))
        name = found.group(1) if found else next(iter(known))
        raise _refused(f"Parameter `{name}` takes {allowed(known[name])}.") from None


def narrowing(asked: msgspec.Struct) -> dict[str, Any]:
    """The parameters that were given or have a default, but for those that only choose the part of a list."""
    values = {name: getattr(asked, name) for name in asked.__struct_fields__ if name not in ("after", "limit")}
    return {name: value for name, value in values.items() if value is not UNSET}


@cache
def parameters(kind: type[msgspec.Struct]) -> dict[str, dict[str, Any]]:
    """Name -> JSON Schema of each parameter."""
    schema = msgspec.json.schema(kind)
    properties: dict[str, dict[str, Any]] = schema["$defs"][kind.__name__]["properties"]
    return properties


def allowed(schema: dict[str, Any]) -> str:
    """What a parameter takes, as a person reads it."""
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "integer":
        return f"a whole number from {schema['minimum']:,} to {schema['maximum']:,}"
    if schema["type"] == "boolean":
        return "`true` or `false`"
    return f"a text of {schema.get('minLength', 0)} to {schema['maxLength']:,} characters"


def _unknown(name: str, known: list[str]) -> str:
    if not known:
        return f"There is no parameter `{name[:40]}`: this address takes none."
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else "known are " + ", ".join(f"`{each}`" for each in known) + "."
    return f"There is no parameter `{name[:40]}`: {hint}"


def _refused(detail: str) -> ProblemError:
    return ProblemError(400, "bad-parameter", detail=detail)
