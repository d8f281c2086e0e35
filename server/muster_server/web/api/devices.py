"""Devices: the list, one device, its software and its evidence."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from muster_server.clock import iso, now_ms
from muster_server.ingest.sections import Title
from muster_server.problems import ProblemError
from muster_server.services import current
from muster_server.store import device as one
from muster_server.store import lists
from muster_server.web.api.answers import Coverage, DeviceList, device_line, shown
from muster_server.web.api.asked import DevicesAsked, Nothing, Part, narrowing
from muster_server.web.api.cursors import Begun, cut, opened
from muster_server.web.api.device_answers import (
    DeviceWhole,
    EvidenceSheet,
    SoftwareCoverage,
    SoftwareList,
    device_whole,
    evidence_sheet,
)


def devices(asked: DevicesAsked) -> DeviceList:
    """Devices with what they are, when they last reported and how they were judged.

    Approved devices only, unless `waiting` asks for the others. Go on with `after` until `next` is null.
    """
    narrowed = narrowing(asked)
    sort, descending = narrowed.pop("sort"), narrowed.pop("order") == "desc"
    filters, begun = lists.Filters(**narrowed), opened(asked)
    page = lists.Page(sort, descending, begun.place if begun else None, asked.limit + 1)
    with current().database.read() as connection:
        lines = lists.device_lines(connection, filters, page=page, now=now_ms())
        coverage = coverage_of(connection, filters, begun=begun)
    items, after = cut(asked, lines, place=lambda line: (line["sort_value"], line["id"]), coverage=coverage)
    return DeviceList(items=[device_line(line) for line in items], next=after, coverage=coverage)


def device(_asked: Nothing, device_id: str) -> DeviceWhole:
    """Everything Muster knows of one device, 30 days back."""
    with current().database.read() as connection:
        record = one.device_record(connection, device_id, now=now_ms())
    if record is None:
        raise _no_device(device_id)
    return device_whole(record)


def software(asked: Part, device_id: str) -> SoftwareList:
    """Software that one device listed last, by name."""
    begun = opened(asked)
    after = tuple(begun.place) if begun else ()
    with current().database.read() as connection:
        line = _line(connection, device_id)
        titles = one.software_of(connection, line["id"])
    rest = [title for title in titles if _place(title) > after]
    items, after_these = cut(asked, rest, place=_place)
    told_at, more = line["software_at"], line["more_titles"] or 0
    coverage = SoftwareCoverage(listed=len(titles), more_titles=more, told_at=iso(told_at) if told_at else None)
    return SoftwareList(items=[_title(row) for row in items], next=after_these, coverage=coverage)


def assessment(_asked: Nothing, device_id: str) -> EvidenceSheet:
    """The evidence sheet: every rule with its measured values, thresholds, sample counts and dates."""
    with current().database.read() as connection:
        line = _line(connection, device_id)
    if line["as_of"] is None:
        raise ProblemError(
            404, "not-judged", detail="This device has not been judged yet: a device is, once it has reported."
        )
    return evidence_sheet(line)


def coverage_of(connection: Connection, filters: lists.Filters, *, begun: Begun | None) -> Coverage:
    """What a list is made of: as counted when it began, or now."""
    if begun is not None and begun.coverage is not None:
        return begun.coverage
    now = now_ms()
    return shown(Coverage, {**lists.coverage(connection, filters, now=now), "counted_at": now})


def _line(connection: Connection, uid: str) -> dict[str, Any]:
    line = one.device_line(connection, uid)
    if line is None:
        raise _no_device(uid)
    return line


def _no_device(uid: str) -> ProblemError:
    return ProblemError(404, "not-found", detail=f"There is no device {uid}: `/api/v1/devices` lists those there are.")


def _place(title: dict[str, Any]) -> tuple[str, str, str, int]:
    return title["name"], title["version"], title["source"], title["id"]


def _title(row: dict[str, Any]) -> Title:
    unknown = {name: row[name] or None for name in ("version", "publisher")}
    return shown(Title, row, **unknown)
