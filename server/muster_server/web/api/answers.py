"""What the API answers: one struct a shape, from which the OpenAPI document is made.

Units are in names, instants ISO 8601 in UTC, unknown is null. `shown` turns stored rows into these structs by the same
names, so that a column and its field cannot part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from muster_server.clock import iso
from muster_server.health.findings import State, Suggestion, Verdict

Instant = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
DeviceId = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Value = float | int | str | bool | None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every answer."""


class Coverage(Answer, frozen=True):
    """What a list is made of: devices that the question leaves = judged + unknown + not_judged.

    `judged` have a verdict other than `unknown`; `not_judged` were never judged, or their assessment failed.
    Counted when the list began, at `counted_at`; its oldest verdict was confirmed at `oldest_judged_at`.
    """

    devices: int
    judged: int
    unknown: int
    not_judged: int
    oldest_judged_at: Instant | None
    counted_at: Instant


class DeviceLine(Answer, frozen=True):
    """A device as lists show it. `last_start_mark` says what its newest start was measured until."""

    device_id: DeviceId
    hostname: str | None
    serial: str | None
    device_class: str | None
    manufacturer: str | None
    model: str | None
    os_name: str | None
    os_version: str | None
    unit: str | None
    site: str | None
    status: str
    approved: bool
    agent_version: str | None
    memory_bytes: int | None
    disk_free_ratio: float | None
    last_start_seconds: float | None
    last_start_mark: str | None
    last_start_at_least: Annotated[bool | None, Meta(description="Whether it is a lower bound.")]
    last_start_at: Instant | None
    reported_at: Instant | None
    verdict: Verdict | None
    leading_rule: str | None
    judged_ratio: float | None
    judged_at: Instant | None
    problem: Annotated[str | None, Meta(description="Why its assessment failed, where it did.")]


class DeviceList(Answer, frozen=True):
    """Part of the list of devices; `next` is the cursor of the next part, null at the end."""

    items: list[DeviceLine]
    next: str | None
    coverage: Coverage


class Evidence(Answer, frozen=True):
    """One measured value beside its threshold. `unit` is seconds, ratio, bytes, days, count or text."""

    label: str
    value: Value
    unit: str
    threshold: Value
    samples: int | None
    samples_needed: int | None
    newest_at: Instant | None
    at_least: Annotated[bool, Meta(description="Whether the value is a lower bound: it may be more in truth.")]


class Finding(Answer, frozen=True):
    """One rule applied to one device: what was found, and what would clear it or make it known."""

    rule_id: str
    version: int
    title: str
    state: State
    suggests: Suggestion
    weight: float
    sentence: str
    clears: str
    evidence: list[Evidence]


class Flag(Answer, frozen=True):
    """An open recommendation, with the finding that raised it. A person's acknowledgement keeps it open."""

    rule_id: str
    suggests: Suggestion
    raised_at: Instant
    acknowledged_at: Instant | None
    acknowledged_by: str | None
    acknowledged_note: str | None
    finding: Finding


class Replacement(Flag, frozen=True):
    """An open recommendation and the device it stands on."""

    flag_id: int
    device: DeviceLine


class ReplacementList(Answer, frozen=True):
    """Part of the list of open recommendations, strongest first; coverage is over the devices in use."""

    items: list[Replacement]
    next: str | None
    coverage: Coverage


T = TypeVar("T", bound=msgspec.Struct)


def shown(kind: type[T], row: Mapping[str, Any] | msgspec.Struct, **given: Any) -> T:
    """A struct out of a stored row: `_at` columns as ISO 8601, `_ms` columns as `_seconds`, the rest as it stands."""
    values = msgspec.structs.asdict(row) if isinstance(row, msgspec.Struct) else row
    return kind(**{name: given[name] if name in given else _value(name, values) for name in kind.__struct_fields__})


def device_line(row: Mapping[str, Any]) -> DeviceLine:
    """A line of a list of devices."""
    return shown(DeviceLine, row, device_id=row["uid"], problem=row["error"])


def findings(text: str | None) -> list[Finding]:
    """The findings of an assessment as saved; none where there is no assessment."""
    return [] if text is None else [_finding(row) for row in msgspec.json.decode(text)]


F = TypeVar("F", bound=Flag)


def flag(kind: type[F], row: Mapping[str, Any], **given: Any) -> F:
    """A flag, with the finding that raised it."""
    return shown(kind, row, finding=_finding(msgspec.json.decode(row["evidence"])), **given)


def explicit(value: Any) -> Any:
    """An answer as plain data with every field spelt out, also those that the wire leaves out."""
    if isinstance(value, msgspec.Struct):
        return {name: explicit(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, list):
        return [explicit(each) for each in value]
    return {name: explicit(each) for name, each in value.items()} if isinstance(value, dict) else value


def _finding(row: Mapping[str, Any]) -> Finding:
    return shown(Finding, row, evidence=[shown(Evidence, {"at_least": False, **each}) for each in row["evidence"]])


def _value(name: str, row: Mapping[str, Any]) -> Any:
    if name.endswith("_seconds"):
        milliseconds = row[f"{name.removesuffix('_seconds')}_ms"]
        return None if milliseconds is None else milliseconds / 1000
    value = row[name]
    return iso(value) if name.endswith("_at") and value is not None else value
