"""Typed tables. Enters: nothing. Leaves: SQLAlchemy Core tables on one `metadata`.

Conventions: instants are BIGINT epoch milliseconds UTC and end in `_at`; days are ISO dates and end in `_on` or `day`;
durations are integer milliseconds and end in `_ms`; JSON is text written by msgspec. Devices have an integer key inside
and a UUIDv7 (`uid`) outside. Each index names the query it serves. Tables marked with `partition` in their `info` are
range-partitioned on PostgreSQL (see `store/partitions.py`).
"""

from muster_server.models.base import metadata
from muster_server.models.devices import device_orders, device_sections, device_state, devices
from muster_server.models.facts import device_days, device_software, sign_ins, software_titles, starts, use_hours
from muster_server.models.judging import assessments, estate_snapshots, flags, signals, verdicts
from muster_server.models.operations import job_runs, ledger
from muster_server.models.people import api_tokens, audit, sessions, users
from muster_server.models.reports import reports, revocations, streams
from muster_server.models.units import enrolment_keys, units

__all__ = [
    "api_tokens",
    "assessments",
    "audit",
    "device_days",
    "device_orders",
    "device_sections",
    "device_software",
    "device_state",
    "devices",
    "enrolment_keys",
    "estate_snapshots",
    "flags",
    "job_runs",
    "ledger",
    "metadata",
    "reports",
    "revocations",
    "sessions",
    "sign_ins",
    "signals",
    "software_titles",
    "starts",
    "streams",
    "units",
    "use_hours",
    "users",
    "verdicts",
]
