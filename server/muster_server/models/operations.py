"""What Muster knows of itself: runs of its jobs, and small counters that outlive a process."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from muster_server.models.base import instant, key, metadata, text, whole

job_runs = Table(
    "job_runs",
    metadata,
    key(),
    text("job", nullable=False),
    instant("started_at", nullable=False),
    instant("ended_at"),
    text("outcome"),  # ok or failed; null while running
    whole("done_count"),  # devices or reports worked on
    text("problem"),
    Index("ix_job_runs_job_started_at", "job", "started_at"),  # the newest run of each job
)

# Name -> number: facts dropped by fold by reason, flags raised and cleared, and the like.
ledger = Table("ledger", metadata, Column("name", Text, primary_key=True), Column("value", BigInteger, nullable=False))
