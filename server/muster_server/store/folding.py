"""What fold reads and writes: reports that wait, the rows their facts change, and the mark that they are folded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, bindparam, func, literal_column, or_, select, tuple_, update

from muster_server.clock import day_start_ms
from muster_server.db import insert
from muster_server.encoding import canonical
from muster_server.fold.facts import DeviceFacts
from muster_server.fold.marks import TWIN_MS
from muster_server.ingest.schema import Outcome
from muster_server.ingest.sections import Title
from muster_server.models import (
    device_days,
    device_orders,
    device_sections,
    device_software,
    device_state,
    devices,
    ledger,
    reports,
    sign_ins,
    software_titles,
    starts,
    use_hours,
)
from muster_server.store.bulk import chunks, upsert

# Said whole and without parameters wherever it is asked: or a store does not see that its index of these serves.
_WAITING = and_(reports.c.folded_at.is_(None), reports.c.split == literal_column("0"))
_outcomes = msgspec.json.Decoder(dict[str, Outcome])
_PARAMETERS = 500  # values in one IN list


class AlreadyFoldedError(Exception):
    """A report of the portion was folded by somebody else; nothing was written."""


@dataclass(frozen=True)
class Reach:
    """Rows that a portion of reports can change: its devices, its starts and sign-ins, its span of time (epoch ms)."""

    device_ids: list[int]
    start_ids: list[str]
    sign_in_ids: list[str]
    begins_at: int
    ends_at: int


def unfolded(connection: Connection, limit: int) -> list[Any]:
    """Reports that wait to be folded, oldest arrival first."""
    return list(connection.execute(select(reports).where(_WAITING).order_by(reports.c.id).limit(limit)))


def load_facts(connection: Connection, reach: Reach) -> dict[int, DeviceFacts]:
    """The present rows that a portion can change, by device."""
    facts = {device_id: DeviceFacts(device_id) for device_id in reach.device_ids}
    ids = reach.device_ids
    for row in connection.execute(select(device_state).where(device_state.c.device_id.in_(ids))).mappings():
        of_device = facts[row["device_id"]]
        of_device.state = {name: row[name] for name in row if name != "device_id"}
        of_device.outcomes = _outcomes.decode(row["outcomes"] or "{}")
    for row in connection.execute(select(device_sections).where(device_sections.c.device_id.in_(ids))).mappings():
        facts[row["device_id"]].sections[row["section"]] = (row["fact_at"], row["body"])
    query = select(device_software.c.device_id, device_software.c.fact_at).where(device_software.c.device_id.in_(ids))
    for device_id, fact_at in connection.execute(query):
        facts[device_id].software_at = fact_at
    query = select(device_orders.c.device_id, device_orders.c.want).where(device_orders.c.device_id.in_(ids))
    for device_id, want in connection.execute(query):
        facts[device_id].asked = want
    _load_starts(connection, reach, facts=facts)
    _load_sign_ins(connection, reach, facts=facts)
    _load_minutes(connection, reach, facts=facts)
    return facts


def _load_starts(connection: Connection, reach: Reach, *, facts: dict[int, DeviceFacts]) -> None:
    span = starts.c.zero_at.between(reach.begins_at - TWIN_MS, reach.ends_at + TWIN_MS)
    wanted = [span, *(starts.c.start_id.in_(part) for part in chunks(reach.start_ids, _PARAMETERS))]
    query = select(starts).where(starts.c.device_id.in_(reach.device_ids), or_(*wanted))
    for row in connection.execute(query).mappings():
        kept = dict(row)
        facts[kept.pop("device_id")].starts[kept["start_id"]] = kept


def _load_sign_ins(connection: Connection, reach: Reach, *, facts: dict[int, DeviceFacts]) -> None:
    for part in chunks(reach.sign_in_ids, _PARAMETERS):
        of_these = sign_ins.c.device_id.in_(reach.device_ids), sign_ins.c.sign_in_id.in_(part)
        for row in connection.execute(select(sign_ins).where(*of_these)).mappings():
            kept = dict(row)
            facts[kept.pop("device_id")].sign_ins[kept["sign_in_id"]] = kept


def _load_minutes(connection: Connection, reach: Reach, *, facts: dict[int, DeviceFacts]) -> None:
    hours = use_hours.c.hour_at.between(reach.begins_at, reach.ends_at)
    for row in connection.execute(select(use_hours).where(use_hours.c.device_id.in_(reach.device_ids), hours)):
        part = {"minutes": msgspec.json.decode(row.minutes), "missed": row.missed, "suspended": row.suspended}
        facts[row.device_id].hours[row.hour_at] = part
    days = device_days.c.day_at.between(reach.begins_at - 86_400_000, reach.ends_at)
    query = select(device_days).where(device_days.c.device_id.in_(reach.device_ids), days)
    for found in connection.execute(query).mappings():
        row_of_day = {name: found[name] for name in found if name not in ("device_id", "day", "day_at")}
        row_of_day["minutes"] = msgspec.json.decode(row_of_day["minutes"]) if row_of_day["minutes"] else None
        facts[found["device_id"]].days[found["day"]] = row_of_day


def write_facts(connection: Connection, facts: Iterable[DeviceFacts], *, report_ids: Sequence[int], now: int) -> None:
    """Write every changed row and mark the reports as folded; raises AlreadyFoldedError if one already was."""
    if mark_folded(connection, report_ids, now=now) != len(report_ids):
        raise AlreadyFoldedError
    changed = list(facts)
    began = [{"device_id": f.device_id, **f.starts[i]} for f in changed for i in f.changed_starts]
    upsert(connection, starts, rows=began)
    signed_in = [{"device_id": f.device_id, **f.sign_ins[i]} for f in changed for i in f.changed_sign_ins]
    upsert(connection, sign_ins, rows=signed_in)
    upsert(connection, use_hours, rows=[_hour_row(f, hour_at) for f in changed for hour_at in f.changed_hours])
    upsert(connection, device_days, rows=[_day_row(f, day) for f in changed for day in f.changed_days])
    upsert(connection, device_sections, rows=[_section_row(f, name) for f in changed for name in f.changed_sections])
    _upsert_states(connection, changed)
    _write_software(connection, [f for f in changed if f.software is not None])
    _write_orders(connection, changed)
    due = [f.device_id for f in changed if f.due]
    if due:
        soonest = or_(devices.c.judge_at.is_(None), devices.c.judge_at > now)
        connection.execute(update(devices).where(devices.c.id.in_(due), soonest).values(judge_at=now))
    for f in changed:
        for name, count in f.drops.items():
            count_up(connection, name, count=count)


def mark_folded(connection: Connection, report_ids: Sequence[int], *, now: int) -> int:
    """Mark reports as folded; gives how many were waiting for it."""
    return connection.execute(
        update(reports).where(reports.c.id.in_(report_ids), _WAITING).values(folded_at=now)
    ).rowcount


def count_up(connection: Connection, name: str, *, count: int) -> None:
    """Add to a counter that outlives the process."""
    statement = insert(connection, ledger).values(name=name, value=count)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": ledger.c.value + count}))


def add_titles(connection: Connection, titles: Sequence[Title]) -> None:
    """Make every title known by number, before device lists refer to it."""
    rows = [_title_row(title) for title in titles]
    for part in chunks(rows):
        connection.execute(insert(connection, software_titles).on_conflict_do_nothing(), list(part))


def unknown_titles(connection: Connection, titles: Iterable[Title]) -> list[Title]:
    """Those of `titles` that have no number yet, each once."""
    by_key = {_title_key(title): title for title in titles}
    known = _numbers(connection, list(by_key))
    return [title for key, title in by_key.items() if key not in known]


def report_backlog(connection: Connection) -> tuple[int, int | None]:
    """How many reports wait to be folded, and when the oldest of them was received (epoch ms)."""
    count = connection.scalar(select(func.count()).select_from(reports).where(_WAITING)) or 0
    # By the index of what waits: the smallest instant would be looked for in every report of a backlog.
    oldest = connection.scalar(select(reports.c.received_at).where(_WAITING).order_by(reports.c.id).limit(1))
    return count, oldest


def _upsert_states(connection: Connection, changed: list[DeviceFacts]) -> None:
    names = [column.name for column in device_state.columns if column.name != "device_id"]
    rows = [{"device_id": f.device_id, **{name: f.state.get(name) for name in names}} for f in changed]
    upsert(connection, device_state, rows=rows)


def _write_software(connection: Connection, changed: list[DeviceFacts]) -> None:
    numbers = _numbers(connection, [_title_key(t) for f in changed if f.software for t in f.software.titles])
    rows = []
    for facts in changed:
        if facts.software is None:
            continue
        listed = [[numbers[_title_key(title)], title.installed_on] for title in facts.software.titles]
        more = facts.software.more_titles
        rows.append(
            {
                "device_id": facts.device_id,
                "fact_at": facts.software_at,
                "titles": canonical(listed),
                "title_count": len(listed) + more,
                "more_titles": more,
            }
        )
    upsert(connection, device_software, rows=rows)


def _write_orders(connection: Connection, changed: list[DeviceFacts]) -> None:
    asks = [{"of": facts.device_id, "what": facts.want} for facts in changed if facts.want != facts.asked]
    if asks:
        order = update(device_orders).where(device_orders.c.device_id == bindparam("of"))
        connection.execute(order.values(want=bindparam("what")), asks)


def _numbers(connection: Connection, keys: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    columns = software_titles.c
    key = tuple_(columns.source, columns.name, columns.version, columns.publisher)
    found: dict[tuple[str, ...], int] = {}
    for part in chunks(list(dict.fromkeys(keys)), _PARAMETERS):
        for row in connection.execute(select(software_titles).where(key.in_(part))):
            found[row.source, row.name, row.version, row.publisher] = row.id
    return found


def _title_key(title: Title) -> tuple[str, str, str, str]:
    return (title.source, title.name, title.version or "", title.publisher or "")


def _title_row(title: Title) -> dict[str, str]:
    return dict(zip(("source", "name", "version", "publisher"), _title_key(title), strict=True))


def _hour_row(facts: DeviceFacts, hour_at: int) -> dict[str, Any]:
    row = facts.hours[hour_at]
    return {"device_id": facts.device_id, "hour_at": hour_at, **row, "minutes": canonical(row["minutes"])}


def _day_row(facts: DeviceFacts, day: str) -> dict[str, Any]:
    row = facts.days[day]
    written = None if row["minutes"] is None else canonical(row["minutes"])
    return {"device_id": facts.device_id, "day": day, "day_at": day_start_ms(day), **row, "minutes": written}


def _section_row(facts: DeviceFacts, name: str) -> dict[str, Any]:
    fact_at, body = facts.sections[name]
    return {"device_id": facts.device_id, "section": name, "fact_at": fact_at, "body": body}
