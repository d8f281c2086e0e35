"""Lists that pages, the API and exports show: devices and open recommendations, by key, never by offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, FromClause, Select, case, func, or_, select, true, tuple_

from muster_server.clock import DAY_MS
from muster_server.health.estate import NOT_JUDGED, NOT_KNOWN
from muster_server.models import device_state, devices, flags, signals, verdicts

LINE = (
    devices.c.id,
    devices.c.uid,
    devices.c.unit,
    devices.c.site,
    devices.c.status,
    devices.c.approved,
    device_state.c.hostname,
    device_state.c.serial,
    device_state.c.device_class,
    device_state.c.manufacturer,
    device_state.c.model,
    device_state.c.os_name,
    device_state.c.os_version,
    device_state.c.agent_version,
    device_state.c.memory_bytes,
    device_state.c.disk_free_ratio,
    device_state.c.last_start_ms,
    device_state.c.last_start_mark,
    device_state.c.last_start_at_least,
    device_state.c.last_start_at,
    device_state.c.reported_at,
    verdicts.c.verdict,
    verdicts.c.leading_rule,
    verdicts.c.judged_at,
    verdicts.c.judged_ratio,
    verdicts.c.error,
)
Lines = Select[*tuple[Any, ...]]
SORTS: dict[str, Column[Any]] = {
    "hostname": device_state.c.hostname,
    "reported": device_state.c.reported_at,
    "start": device_state.c.last_start_ms,
    "free": device_state.c.disk_free_ratio,
    "verdict": verdicts.c.verdict,
}
STRONGEST_FIRST = ("replace", "upgrade", "fix")
_EQUAL = {
    "device_class": device_state.c.device_class,
    "os_name": device_state.c.os_name,
    "unit": devices.c.unit,
    "status": devices.c.status,
}
NEVER_DAYS = 36_500  # nobody has been silent for a century: what is left has never reported
# Collector -> the signal that is null where its fact is not known. A device without a battery is known to have none.
LACKING = {
    "starts": signals.c.start_median_ms,
    "sign_ins": signals.c.sign_in_median_ms,
    "use": signals.c.memory_short_ratio,
    "disks": signals.c.disk_free_ratio,
    "hardware": signals.c.system_drive_kind,
    "system": signals.c.os_support,
    "battery": case((signals.c.battery_present.is_(False), 1.0), else_=signals.c.battery_health_ratio),
}


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to; an empty value narrows nothing."""

    text: str = ""
    device_class: str = ""
    os_name: str = ""
    verdict: str = ""
    rule: str = ""
    suggests: str = ""
    unit: str = ""
    silent_days: int = 0
    waiting: bool = False  # for approval
    status: str = ""
    lacks: str = ""  # a collector of LACKING whose fact is not known
    failed: str = ""  # a collector that failed in the newest report


@dataclass(frozen=True)
class Page:
    """Which part of a list: its order, after which line (its sort value and id), how many lines."""

    sort: str = "hostname"
    descending: bool = False
    after: tuple[Any, int] | None = None
    limit: int = 50


def device_lines(connection: Connection, filters: Filters, *, page: Page, now: int) -> list[dict[str, Any]]:
    """One part of the list of devices; each line also holds `sort_value` for the key of the next part.

    Devices whose sort value is not known stand last in both orders: unknown is neither the best nor the worst.
    """
    value = SORTS[page.sort]
    line = select(*LINE, value.label("sort_value"))
    among_unknown = page.after is not None and page.after[0] is None
    lines = []
    if not among_unknown:
        known = _narrowed(line, filters, now=now, sure=value.table)
        lines = _rows(connection, _in_order(known, value, page=page))
    if len(lines) < page.limit:
        beyond = devices.c.id > (page.after[1] if page.after and among_unknown else 0)
        unknown = _narrowed(line, filters, now=now).where(value.is_(None), beyond).order_by(devices.c.id)
        lines += _rows(connection, unknown.limit(page.limit - len(lines)))
    return lines


def count_devices(connection: Connection, filters: Filters, *, now: int) -> int:
    """How many devices the filters leave."""
    return connection.scalar(_narrowed(select(func.count()), filters, now=now)) or 0


def coverage(connection: Connection, filters: Filters, *, now: int) -> dict[str, Any]:
    """What a figure over the filters' devices is made of.

    `devices` = `judged` (a verdict other than unknown) + `unknown` + `not_judged` (no verdict stands), and
    `oldest_judged_at`: when the oldest of those verdicts was made (epoch ms, null where there is none).
    """
    stands = verdicts.c.verdict
    judged_at = case((stands.isnot(None), verdicts.c.judged_at))
    counts = (
        func.count().label("devices"),
        func.count(case((stands != "unknown", 1))).label("judged"),
        func.count(case((stands == "unknown", 1))).label("unknown"),
        func.count(case((stands.is_(None), 1))).label("not_judged"),
        func.min(judged_at).label("oldest_judged_at"),
    )
    return dict(connection.execute(_narrowed(select(*counts), filters, now=now)).mappings().one())


def open_recommendations(
    connection: Connection, after: tuple[int, int] | None, *, limit: int, filters: Filters
) -> list[dict[str, Any]]:
    """Open flags of devices in use, the strongest suggestion first; goes on after the `place` of a line."""
    query = _recommended(select(flags, *LINE[1:]), filters).order_by(flags.c.id)
    begin, flag_id = after or (0, 0)
    found: list[dict[str, Any]] = []
    for rank, suggests in list(enumerate(STRONGEST_FIRST))[begin:]:  # one walk along an index for each
        beyond = flags.c.id > (flag_id if rank == begin else 0)
        part = query.where(flags.c.suggests == suggests, beyond).limit(limit - len(found))
        found += [{**row, "place": (rank, row["id"])} for row in connection.execute(part).mappings()]
        if len(found) == limit:
            break
    return found


def count_recommendations(connection: Connection, filters: Filters) -> dict[str, int]:
    """Open flags of devices in use, by suggestion, and the devices they stand on (`devices`)."""
    counted = _recommended(select(flags.c.suggests, func.count()), filters).group_by(flags.c.suggests)
    number = _recommended(select(func.count(flags.c.device_id.distinct())), filters)
    return {**{row[0]: row[1] for row in connection.execute(counted)}, "devices": connection.scalar(number) or 0}


def newest_flag_changes(connection: Connection, since: int, *, limit: int) -> list[dict[str, Any]]:
    """What got worse or better, newest first: flags since an instant, whose `change` is `raised` or `cleared`."""
    found: list[dict[str, Any]] = []
    for change, changed_at in (("raised", flags.c.raised_at), ("cleared", flags.c.cleared_at)):  # an index each
        query = (
            select(flags, devices.c.uid, devices.c.unit, device_state.c.hostname, changed_at.label("changed_at"))
            .select_from(flags.join(devices, devices.c.id == flags.c.device_id).outerjoin(device_state))
            .where(changed_at >= since, devices.c.approved)
            .order_by(changed_at.desc(), flags.c.id.desc())
            .limit(limit)
        )
        found += [{**row, "change": change} for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda row: (-row["changed_at"], -row["id"], row["change"]))[:limit]


def verdict_of_hostname(connection: Connection, hostname: str) -> str | None:
    """The verdict on the newest device of a hostname, once it was judged."""
    query = (
        select(verdicts.c.verdict)
        .join(device_state, device_state.c.device_id == verdicts.c.device_id)
        .where(device_state.c.hostname == hostname, verdicts.c.verdict.isnot(None))
        .order_by(device_state.c.reported_at.desc())
        .limit(1)
    )
    return connection.scalar(query)


def _rows(connection: Connection, query: Lines) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _in_order(query: Lines, value: Column[Any], *, page: Page) -> Lines:
    """The part of the lines whose value is known, along the index over the value and the device."""
    key = (value, value.table.c.device_id)
    query = query.where(value.isnot(None))
    if page.after is not None:
        place = tuple_(*key)
        query = query.where(place < page.after if page.descending else place > page.after)
    return query.order_by(*(column.desc() if page.descending else column for column in key)).limit(page.limit)


def _recommended(query: Lines, filters: Filters) -> Lines:
    joined = flags.join(devices, devices.c.id == flags.c.device_id).outerjoin(device_state).outerjoin(verdicts)
    query = query.select_from(joined)
    query = query.where(flags.c.cleared_at.is_(None), devices.c.approved, devices.c.status == "in use")
    named = {"suggests": flags.c.suggests, "rule": flags.c.rule_id, "unit": devices.c.unit}
    return query.where(*(_is(column, getattr(filters, name)) for name, column in named.items()))


def _is(column: Any, wanted: str) -> Any:
    if not wanted:
        return true()
    return column.is_(None) if wanted == NOT_KNOWN else column == wanted


def _narrowed(query: Lines, filters: Filters, *, now: int, sure: object = None) -> Lines:
    """`sure` is a table in which every wanted device has a row: the store may begin there."""
    joined: FromClause = devices
    for table in (device_state, verdicts):
        joined = joined.join(table, devices.c.id == table.c.device_id, isouter=table is not sure)
    query = query.select_from(joined).where(devices.c.approved.is_(not filters.waiting))
    if filters.text:
        words = filters.text.lower()
        fields = (device_state.c.hostname, device_state.c.serial, device_state.c.model, devices.c.uid)
        query = query.where(or_(*(func.lower(field).contains(words, autoescape=True) for field in fields)))
    query = query.where(*(_is(column, getattr(filters, name)) for name, column in _EQUAL.items()))
    if filters.verdict:
        stands = verdicts.c.verdict
        query = query.where(stands.is_(None) if filters.verdict == NOT_JUDGED else stands == filters.verdict)
    if filters.rule:
        flagged = select(flags.c.device_id).where(flags.c.rule_id == filters.rule, flags.c.cleared_at.is_(None))
        query = query.where(devices.c.id.in_(flagged))
    if filters.silent_days:
        silent_since = now - filters.silent_days * DAY_MS
        query = query.where(or_(device_state.c.reported_at.is_(None), device_state.c.reported_at < silent_since))
    if filters.lacks:
        known = select(signals.c.device_id).where(LACKING[filters.lacks].isnot(None))
        query = query.where(devices.c.id.notin_(known))
    if filters.failed:  # outcomes are canonical JSON, so the text of a failure is always this
        query = query.where(
            device_state.c.outcomes.contains(f'"{filters.failed}":{{"outcome":"failed"', autoescape=True)
        )
    return query
