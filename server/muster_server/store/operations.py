"""What Muster remembers of its own jobs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from muster_server.models import job_runs


def record_run(connection: Connection, job: str, *, row: dict[str, Any]) -> None:
    """Note a finished run: `started_at`, `ended_at`, `outcome` (ok or failed), `done_count`, `problem`."""
    connection.execute(job_runs.insert().values(job=job, **row))


def newest_runs(connection: Connection) -> list[dict[str, Any]]:
    """The newest finished run of each job."""
    newest = select(func.max(job_runs.c.id)).where(job_runs.c.ended_at.isnot(None)).group_by(job_runs.c.job)
    query = select(job_runs).where(job_runs.c.id.in_(newest)).order_by(job_runs.c.job)
    return [dict(row) for row in connection.execute(query).mappings()]


def run_totals(connection: Connection) -> list[dict[str, Any]]:
    """Runs by job and outcome, with the milliseconds they took together, of what is still kept."""
    took = func.sum(job_runs.c.ended_at - job_runs.c.started_at)
    query = (
        select(job_runs.c.job, job_runs.c.outcome, func.count().label("runs"), took.label("milliseconds"))
        .where(job_runs.c.ended_at.isnot(None))
        .group_by(job_runs.c.job, job_runs.c.outcome)
        .order_by(job_runs.c.job, job_runs.c.outcome)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def last_ended(connection: Connection, job: str) -> int | None:
    """When a job last ended well (epoch ms), or None."""
    ended = select(job_runs.c.ended_at).where(job_runs.c.job == job, job_runs.c.outcome == "ok")
    return connection.scalar(ended.order_by(job_runs.c.started_at.desc()).limit(1))
