"""What judging reads and writes: facts of devices that are due, their signals, assessments, verdicts and flags."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Table, bindparam, select, update

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
    sign_ins,
    signals,
    starts,
    verdicts,
)
from muster_server.store.bulk import upsert
from muster_server.store.folding import count_up

_FACT_DAYS = 90
_MONTH_MS = 30 * DAY_MS
_CLAIM_MS = 60_000
_DAY_MINUTES = 1_440


Judged = tuple[Mapping[str, Any], Assessment]  # a row of signals and what it led to


class Facts(NamedTuple):
    """Rows of one device that its signals are made of."""

    device_id: int
    status: str
    starts: list[dict[str, Any]]
    sign_ins: list[dict[str, Any]]
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


def claim(connection: Connection, ids: Sequence[int], *, now: int) -> None:
    """Take devices to judge: each is due again in a minute unless it is saved, and at once when a fact arrives."""
    connection.execute(update(devices).where(devices.c.id.in_(ids)).values(judge_at=now + _CLAIM_MS))


def mark_all_due(connection: Connection, now: int) -> int:
    """Make every device that ever reported due; gives how many."""
    reported = select(device_state.c.device_id)
    return connection.execute(update(devices).where(devices.c.id.in_(reported)).values(judge_at=now)).rowcount


def load_facts(connection: Connection, ids: Sequence[int], *, now: int, window_days: int) -> list[Facts]:
    """The facts of some devices, starts of `window_days` and days of 90 at least, in the order of `ids`."""
    window_from, days_from = now - window_days * DAY_MS, now - max(_FACT_DAYS, window_days) * DAY_MS
    began = _by_device(connection, starts, since=starts.c.zero_at >= window_from, ids=ids)
    signed_in = _by_device(connection, sign_ins, since=sign_ins.c.at >= window_from, ids=ids)
    days = _by_device(connection, device_days, since=device_days.c.day_at >= days_from, ids=ids)
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
            sign_ins=signed_in.get(i, []),
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
    made = _keep(connection, [pair for pair in judged if _changed(pair[1], before.get(pair[0]["device_id"]))])
    stands = [_verdict_row(row["device_id"], assessment, now=now) for row, assessment in judged]
    new = [{**verdict, "assessment_id": made[i]} for verdict in stands if (i := verdict["device_id"]) in made]
    upsert(connection, verdicts, rows=new)
    upsert(connection, verdicts, rows=[verdict for verdict in stands if verdict["device_id"] not in made])
    _move_flags(connection, judged, made=made, now=now)
    _judge_again(connection, [row["device_id"] for row, _ in judged], now=now)


def save_failure(connection: Connection, device_id: int, *, problem: str, now: int) -> None:
    """Say that a device could not be judged; its last verdict does not stand any more."""
    unknown = {"verdict": None, "judged_ratio": None, "leading_rule": None}
    upsert(connection, verdicts, rows=[{"device_id": device_id, **unknown, "judged_at": now, "error": problem}])
    _judge_again(connection, [device_id], now=now)


def next_daily_minute(device_id: int, now: int) -> int:
    """The next instant of the day's minute that belongs to this device, so that judging spreads over the day."""
    minute = device_id * 7_919 % _DAY_MINUTES
    today = now // DAY_MS * DAY_MS + minute * 60_000
    return today if today > now else today + DAY_MS


def _judge_again(connection: Connection, ids: Sequence[int], *, now: int) -> None:
    # A fact that arrived while these devices were judged has set judge_at anew: such a device stays due.
    claimed = update(devices).where(devices.c.id == bindparam("of"), devices.c.judge_at == now + _CLAIM_MS)
    rows = [{"of": device_id, "next": next_daily_minute(device_id, now)} for device_id in ids]
    connection.execute(claimed.values(judge_at=bindparam("next")), rows)


def _by_device(
    connection: Connection, table: Table, *, since: Any, ids: Sequence[int]
) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    names = [column.name for column in table.columns]
    place = names.index("device_id")
    for row in connection.execute(select(table).where(table.c.device_id.in_(ids), since)):
        found[row[place]].append(dict(zip(names, row, strict=True)))
    return found


def _states(findings: str | None) -> dict[str, str]:
    decoded = msgspec.json.decode(findings, type=list[Finding]) if findings else []
    return {finding.rule_id: finding.state for finding in decoded}


def _changed(assessment: Assessment, before: Standing | None) -> bool:
    """Whether the verdict or a finding changed, or a month has passed since evidence was kept."""
    if before is None or before.assessed_at is None or assessment.as_of - before.assessed_at >= _MONTH_MS:
        return True
    states = {finding.rule_id: finding.state for finding in assessment.findings}
    return (before.verdict, before.states) != (assessment.verdict, states)


def _keep(connection: Connection, judged: Sequence[Judged]) -> dict[int, int]:
    """Keep the evidence of these; gives the ids of the new assessments by device."""
    if not judged:
        return {}
    rows = [
        {
            "device_id": row["device_id"],
            "as_of": assessment.as_of,
            "verdict": assessment.verdict,
            "findings": canonical(assessment.findings),
            "signals": canonical(dict(row)),
            "policy_sha256": assessment.policy_sha256,
            "ruleset": assessment.ruleset,
            "judged_ratio": assessment.judged_ratio,
        }
        for row, assessment in judged
    ]
    made = assessments.insert().returning(assessments.c.device_id, assessments.c.id)
    return {row.device_id: row.id for row in connection.execute(made, rows)}


def _verdict_row(device_id: int, assessment: Assessment, *, now: int) -> dict[str, Any]:
    return {
        "device_id": device_id,
        "verdict": assessment.verdict,
        "judged_at": now,
        "judged_ratio": assessment.judged_ratio,
        "leading_rule": assessment.leading_rule,
        "error": None,
    }


def _move_flags(
    connection: Connection,
    judged: Sequence[Judged],
    *,
    made: Mapping[int, int],
    now: int,
) -> None:
    raised: list[dict[str, Any]] = []
    ids = [row["device_id"] for row, _ in judged]
    query = select(flags.c.device_id, flags.c.rule_id).where(flags.c.device_id.in_(ids), flags.c.cleared_at.is_(None))
    opened = {(row.device_id, row.rule_id) for row in connection.execute(query)}
    for row, assessment in judged:
        for finding in assessment.findings:
            key = (row["device_id"], finding.rule_id)
            suggests = assessment.leading_rule is not None and finding.state == "over"
            if suggests and key not in opened:
                flag = {"device_id": key[0], "rule_id": key[1], "suggests": finding.suggests, "raised_at": now}
                raised.append({**flag, "raised_by": made.get(key[0]), "evidence": canonical(finding)})
            elif key in opened and (finding.state == "under" or (finding.state == "over" and not suggests)):
                _clear_flag(connection, key, assessment_id=made.get(key[0]), now=now)
    _raise_flags(connection, raised)


def _raise_flags(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        statement = insert(connection, flags).on_conflict_do_nothing().returning(flags.c.id)
        count_up(connection, "flags_raised", count=len(connection.execute(statement, rows).all()))


def _clear_flag(connection: Connection, key: tuple[int, str], *, assessment_id: int | None, now: int) -> None:
    stands = (flags.c.device_id == key[0], flags.c.rule_id == key[1], flags.c.cleared_at.is_(None))
    closed = update(flags).where(*stands).values(cleared_at=now, cleared_by=assessment_id)
    if connection.execute(closed).rowcount:
        count_up(connection, "flags_cleared", count=1)
