"""One device whole: what its page, its answer in the API and its evidence sheet show. A handful of queries."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Table, select

from muster_server.clock import DAY_MS
from muster_server.models import (
    assessments,
    device_days,
    device_orders,
    device_sections,
    device_software,
    device_state,
    devices,
    flags,
    revocations,
    sign_ins,
    software_titles,
    starts,
    verdicts,
)
from muster_server.store.lists import LINE

SHOWN_DAYS = 30

_MORE = (
    devices.c.generation,
    devices.c.enrolled_at,
    devices.c.reinstalled_at,
    devices.c.unit_source,
    devices.c.status_assumed,
    devices.c.role_of_use,
    device_state.c.collected_at,
    device_state.c.clock_skew_ms,
    device_state.c.outcomes,
    device_orders.c.identity,
    device_orders.c.want,
    revocations.c.lowest_generation,
    verdicts.c.assessment_id,
    assessments.c.as_of,
    assessments.c.verdict.label("assessed_verdict"),
    assessments.c.judged_ratio.label("assessed_ratio"),
    assessments.c.findings,
    assessments.c.signals,
    assessments.c.policy_sha256,
    assessments.c.ruleset,
    device_software.c.fact_at.label("software_at"),
    device_software.c.title_count,
    device_software.c.more_titles,
)


class DeviceRecord(NamedTuple):
    """What the store knows of one device; rows as stored, newest first."""

    line: dict[str, Any]  # as in lists, with identity, outcomes, its assessment and how much software it told
    sections: dict[str, tuple[int, str]]  # name -> (fact_at, JSON)
    flags: list[dict[str, Any]]  # the open ones
    starts: list[dict[str, Any]]  # of SHOWN_DAYS
    sign_ins: list[dict[str, Any]]  # of SHOWN_DAYS
    days: list[dict[str, Any]]  # of SHOWN_DAYS


def device_line(connection: Connection, uid: str) -> dict[str, Any] | None:
    """A device's line with its identity and the assessment that stands (columns of it null before the first)."""
    joined = devices.outerjoin(device_state).outerjoin(verdicts).outerjoin(device_orders).outerjoin(device_software)
    joined = joined.outerjoin(revocations, revocations.c.device_id == devices.c.id)
    joined = joined.outerjoin(assessments, assessments.c.id == verdicts.c.assessment_id)
    row = connection.execute(select(*LINE, *_MORE).select_from(joined).where(devices.c.uid == uid)).mappings().first()
    return None if row is None else dict(row)


def device_record(connection: Connection, uid: str, *, now: int) -> DeviceRecord | None:
    """Everything of one device, or None where there is none."""
    line = device_line(connection, uid)
    if line is None:
        return None
    device_id, since = line["id"], now - SHOWN_DAYS * DAY_MS
    sections = connection.execute(select(device_sections).where(device_sections.c.device_id == device_id))
    return DeviceRecord(
        line=line,
        sections={row.section: (row.fact_at, row.body) for row in sections},
        flags=_newest(connection, flags, chosen=flags.c.cleared_at.is_(None), device_id=device_id),
        starts=_newest(connection, starts, chosen=starts.c.zero_at >= since, device_id=device_id),
        sign_ins=_newest(connection, sign_ins, chosen=sign_ins.c.at >= since, device_id=device_id),
        days=_newest(connection, device_days, chosen=device_days.c.day_at >= since, device_id=device_id),
    )


def software_of(connection: Connection, device_id: int) -> list[dict[str, Any]]:
    """Every title that a device listed, by name, version and source, each with `installed_on`."""
    told = connection.scalar(select(device_software.c.titles).where(device_software.c.device_id == device_id))
    installed_on = dict(msgspec.json.decode(told, type=list[tuple[int, str | None]])) if told else {}
    query = select(software_titles).where(software_titles.c.id.in_(installed_on))
    titles = [{**row, "installed_on": installed_on[row["id"]]} for row in connection.execute(query).mappings()]
    return sorted(titles, key=lambda title: (title["name"], title["version"], title["source"], title["id"]))


def _newest(connection: Connection, table: Table, *, chosen: Any, device_id: int) -> list[dict[str, Any]]:
    when = flags.c.raised_at if table is flags else table.c[table.info["partition"][0]]
    query = select(table).where(table.c.device_id == device_id, chosen).order_by(when.desc())
    return [dict(row) for row in connection.execute(query).mappings()]
