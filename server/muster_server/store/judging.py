"""What judging reads and writes: facts of devices that are due, their signals, assessments, verdicts and flags."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Table, select, update

from muster_server.clock import DAY_MS
from muster_server.db import insert
from muster_server.encoding import canonical
from muster_server.health.findings import Assessment, Finding
from muster_server.models import (
    assessments,
    device_days,
    device_sections,
    device_state,
    devices,
    flags,
    signals,
    starts,
    verdicts,
)
from muster_server.store.bulk import upsert
from muster_server.store.folding import count_up

_FACT_DAYS = 90
_MONTH_MS = 30 * DAY_MS
_DAY_MINUTES = 1_440


Judged = tuple[Mapping[str, Any], Assessment]  # a row of signals and what it led to


class Facts(NamedTuple):
    """Rows of one device that its signals are made of."""

    device_id: int
    status: str
    starts: list[dict[str, Any]]
    days: list[dict[str, Any]]
    sections: dict[str, tuple[int, str]]
    outcomes: dict[str, dict[str, Any]]
    reported_at: int | None


class Standing(NamedTuple):
    """Where a device stood before this judging."""

    verdict: str | None
    states: dict[str, str]
    assessed_at: int | None


def due_devices(connection: Connection, now: int, *, limit: int) -> list[int]:
    """Approved devices to judge now, the longest due first."""
    due = select(devices.c.id).where(devices.c.judge_at <= now, devices.c.approved)
    return list(connection.scalars(due.order_by(devices.c.judge_at, devices.c.id).limit(limit)))


def mark_all_due(connection: Connection, now: int) -> int:
    """Make every device that ever reported due; gives how many."""
    reported = select(device_state.c.device_id)
    return connection.execute(update(devices).where(devices.c.id.in_(reported)).values(judge_at=now)).rowcount


def load_facts(connection: Connection, ids: Sequence[int], *, now: int) -> list[Facts]:
    """The facts of some devices, of the last 90 days, in the order of `ids`."""
    since = now - _FACT_DAYS * DAY_MS
    began = _by_device(connection, starts, since=starts.c.zero_at >= since, ids=ids)
    days = _by_device(connection, device_days, since=device_days.c.day_at >= since, ids=ids)
    for of_device in days.values():
        for day in of_device:
            day["minutes"] = msgspec.json.decode(day["minutes"]) if day["minutes"] else None
    sections: dict[int, dict[str, tuple[int, str]]] = defaultdict(dict)
    for row in connection.execute(select(device_sections).where(device_sections.c.device_id.in_(ids))):
        sections[row.device_id][row.section] = (row.fact_at, row.body)
    query = (
        select(devices.c.id, devices.c.status, device_state.c.outcomes, device_state.c.reported_at)
        .select_from(devices.outerjoin(device_state))
        .where(devices.c.id.in_(ids))
    )
    known = {row.id: row for row in connection.execute(query)}
    return [
        Facts(
            device_id=i,
            status=known[i].status,
            starts=began.get(i, []),
            days=days.get(i, []),
            sections=sections.get(i, {}),
            outcomes=msgspec.json.decode(known[i].outcomes) if known[i].outcomes else {},
            reported_at=known[i].reported_at,
        )
        for i in ids
        if i in known
    ]


def standings(connection: Connection, ids: Sequence[int]) -> dict[int, Standing]:
    """Where devices stand now; those never judged are left out."""
    query = (
        select(verdicts.c.device_id, verdicts.c.verdict, assessments.c.findings, assessments.c.as_of)
        .select_from(verdicts.outerjoin(assessments, assessments.c.id == verdicts.c.assessment_id))
        .where(verdicts.c.device_id.in_(ids))
    )
    return {row.device_id: Standing(row.verdict, _states(row.findings), row.as_of) for row in connection.execute(query)}


def save(
    connection: Connection,
    judged: Sequence[Judged],
    *,
    before: Mapping[int, Standing],
    now: int,
) -> None:
    """Write signals, verdicts, changed assessments and flags of some devices, and when each is due again."""
    upsert(connection, signals, rows=[dict(row) for row, _ in judged])
    rows = []
    for row, assessment in judged:
        device_id = row["device_id"]
        assessment_id = _keep(connection, row, assessment=assessment, before=before.get(device_id))
        verdict = {
            "device_id": device_id,
            "verdict": assessment.verdict,
            "judged_at": now,
            "judged_ratio": assessment.judged_ratio,
            "leading_rule": assessment.leading_rule,
            "error": None,
        }
        rows.append((verdict, assessment_id))
    upsert(connection, verdicts, rows=[{**verdict, "assessment_id": i} for verdict, i in rows if i is not None])
    upsert(connection, verdicts, rows=[verdict for verdict, i in rows if i is None])
    _move_flags(connection, judged, made={verdict["device_id"]: i for verdict, i in rows}, now=now)
    for row, _ in judged:
        _judge_again(connection, row["device_id"], now=now)


def save_failure(connection: Connection, device_id: int, *, problem: str, now: int) -> None:
    """Say that a device could not be judged; its last verdict does not stand any more."""
    unknown = {"verdict": None, "judged_ratio": None, "leading_rule": None}
    upsert(connection, verdicts, rows=[{"device_id": device_id, **unknown, "judged_at": now, "error": problem}])
    _judge_again(connection, device_id, now=now)


def next_daily_minute(device_id: int, now: int) -> int:
    """The next instant of the day's minute that belongs to this device, so that judging spreads over the day."""
    minute = device_id * 7_919 % _DAY_MINUTES
    today = now // DAY_MS * DAY_MS + minute * 60_000
    return today if today > now else today + DAY_MS


def _judge_again(connection: Connection, device_id: int, *, now: int) -> None:
    # A fact that arrived while this device was judged has set judge_at anew: it stays due.
    row = update(devices).where(devices.c.id == device_id, devices.c.judge_at <= now)
    connection.execute(row.values(judge_at=next_daily_minute(device_id, now)))


def _by_device(
    connection: Connection, table: Table, *, since: Any, ids: Sequence[int]
) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in connection.execute(select(table).where(table.c.device_id.in_(ids), since)).mappings():
        found[row["device_id"]].append(dict(row))
    return found


def _states(findings: str | None) -> dict[str, str]:
    decoded = msgspec.json.decode(findings, type=list[Finding]) if findings else []
    return {finding.rule_id: finding.state for finding in decoded}


def _keep(
    connection: Connection, row: Mapping[str, Any], *, assessment: Assessment, before: Standing | None
) -> int | None:
    """Keep the evidence when the verdict or a finding changed, and monthly; gives the new assessment's id."""
    states = {finding.rule_id: finding.state for finding in assessment.findings}
    recent = before is not None and before.assessed_at is not None and assessment.as_of - before.assessed_at < _MONTH_MS
    if before is not None and recent and (before.verdict, before.states) == (assessment.verdict, states):
        return None
    values = {
        "device_id": row["device_id"],
        "as_of": assessment.as_of,
        "verdict": assessment.verdict,
        "findings": canonical(assessment.findings),
        "signals": canonical(dict(row)),
        "policy_sha256": assessment.policy_sha256,
        "ruleset": assessment.ruleset,
        "judged_ratio": assessment.judged_ratio,
    }
    made: int = connection.execute(assessments.insert().values(values).returning(assessments.c.id)).scalar_one()
    return made


def _move_flags(
    connection: Connection,
    judged: Sequence[Judged],
    *,
    made: Mapping[int, int | None],
    now: int,
) -> None:
    ids = [row["device_id"] for row, _ in judged]
    query = select(flags.c.device_id, flags.c.rule_id).where(flags.c.device_id.in_(ids), flags.c.cleared_at.is_(None))
    opened = {(row.device_id, row.rule_id) for row in connection.execute(query)}
    for row, assessment in judged:
        for finding in assessment.findings:
            key = (row["device_id"], finding.rule_id)
            suggests = assessment.leading_rule is not None and finding.state == "over"
            if suggests and key not in opened:
                flag = {"device_id": key[0], "rule_id": key[1], "suggests": finding.suggests, "raised_at": now}
                _raise_flag(connection, {**flag, "raised_by": made[key[0]], "evidence": canonical(finding)})
            elif key in opened and (finding.state == "under" or (finding.state == "over" and not suggests)):
                _clear_flag(connection, key, assessment_id=made[key[0]], now=now)


def _raise_flag(connection: Connection, flag: Mapping[str, Any]) -> None:
    statement = insert(connection, flags).values(flag)
    if connection.execute(statement.on_conflict_do_nothing()).rowcount:
        count_up(connection, "flags_raised", count=1)


def _clear_flag(connection: Connection, key: tuple[int, str], *, assessment_id: int | None, now: int) -> None:
    stands = (flags.c.device_id == key[0], flags.c.rule_id == key[1], flags.c.cleared_at.is_(None))
    closed = update(flags).where(*stands).values(cleared_at=now, cleared_by=assessment_id)
    if connection.execute(closed).rowcount:
        count_up(connection, "flags_cleared", count=1)
