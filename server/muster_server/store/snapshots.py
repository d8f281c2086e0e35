"""The estate's snapshot: what it is made of, and the newest one for those who show it."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, case, func, or_, select

from muster_server.clock import DAY_MS
from muster_server.encoding import canonical
from muster_server.health.snapshot import EstateSnapshot, FlagMoves
from muster_server.models import (
    device_orders,
    device_state,
    devices,
    estate_snapshots,
    flags,
    ledger,
    reports,
    signals,
    streams,
    verdicts,
)

_SIGNALS = (
    "start_median_ms", "start_median_at_least", "start_kind", "start_mark", "start_quality", "start_samples",
    "sign_in_median_ms", "sign_in_median_at_least", "sign_in_kind", "sign_in_mark", "sign_in_quality",
    "sign_in_samples", "memory_short_ratio", "disk_free_ratio", "system_drive_kind", "os_support", "battery_present",
    "battery_health_ratio", "windows11", "windows11_checks",
)  # fmt: skip


def lines_after(connection: Connection, device_id: int, *, limit: int) -> list[dict[str, Any]]:
    """One line a device that belongs in figures (approved, in use), by id after `device_id`."""
    # A device without a battery is known to have none.
    battery = case((signals.c.battery_present.is_(False), 1.0), else_=signals.c.battery_health_ratio)
    query = (
        select(
            devices.c.id.label("device_id"),
            devices.c.unit,
            device_state.c.device_class,
            device_state.c.os_name,
            device_state.c.agent_version,
            device_state.c.reported_at,
            device_state.c.outcomes,
            verdicts.c.verdict,
            verdicts.c.error,
            battery.label("battery_known"),
            *(signals.c[name] for name in _SIGNALS),
        )
        .select_from(devices.outerjoin(device_state).outerjoin(verdicts).outerjoin(signals))
        .where(devices.c.approved, devices.c.status == "in use", devices.c.id > device_id)
        .order_by(devices.c.id)
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def tallies(connection: Connection, now: int) -> dict[str, Any]:
    """Counts that need no line a device: names as in EstateSnapshot."""
    by_status = select(devices.c.status, func.count()).where(devices.c.approved).group_by(devices.c.status)
    by_rule = select(flags.c.rule_id, func.count()).where(flags.c.cleared_at.is_(None)).group_by(flags.c.rule_id)
    counters = {row.name: row.value for row in connection.execute(select(ledger))}
    apart = or_(device_orders.c.identity == "split", streams.c.split_hash.isnot(None))
    split = select(func.count(streams.c.device_id.distinct())).join_from(streams, device_orders,
                   device_orders.c.device_id == streams.c.device_id).where(apart)  # fmt: skip
    due = select(func.count()).select_from(devices).where(devices.c.judge_at <= now, devices.c.approved)
    day = select(func.count()).select_from(reports).where(reports.c.received_at > now - DAY_MS)
    return {
        "by_status": dict(connection.execute(by_status).all()),
        "awaiting_approval": connection.scalar(select(func.count()).where(devices.c.approved.is_(False))),
        "split": connection.scalar(split),
        "flags_open": dict(connection.execute(by_rule).all()),
        "flags_raised_total": counters.pop("flags_raised", 0),
        "flags_cleared_total": counters.pop("flags_cleared", 0),
        "flags_7d": _flag_moves(connection, now - 7 * DAY_MS),
        "reports_24h": connection.scalar(day),
        "due": connection.scalar(due),
        "drops": counters,
    }


def save_snapshot(connection: Connection, snapshot: EstateSnapshot) -> None:
    """Keep a snapshot."""
    connection.execute(estate_snapshots.insert().values(made_at=snapshot.made_at, body=canonical(snapshot)))


def newest_snapshot(connection: Connection) -> EstateSnapshot | None:
    """The newest snapshot, or None before the first."""
    query = select(estate_snapshots.c.body).order_by(estate_snapshots.c.made_at.desc(), estate_snapshots.c.id.desc())
    body = connection.scalar(query.limit(1))
    return None if body is None else msgspec.json.decode(body, type=EstateSnapshot)


def newest_made_at(connection: Connection) -> int | None:
    """When the newest snapshot was made (epoch ms), or None before the first."""
    made_at: int | None = connection.scalar(select(func.max(estate_snapshots.c.made_at)))
    return made_at


def _flag_moves(connection: Connection, since: int) -> dict[str, FlagMoves]:
    raised = func.count(case((flags.c.raised_at >= since, 1)))
    cleared = func.count(case((flags.c.cleared_at >= since, 1)))
    moved = or_(flags.c.raised_at >= since, flags.c.cleared_at >= since)
    query = select(flags.c.rule_id, raised, cleared).where(moved).group_by(flags.c.rule_id)
    return {rule: FlagMoves(raised=up, cleared=down) for rule, up, down in connection.execute(query)}
