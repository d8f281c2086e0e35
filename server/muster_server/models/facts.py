"""What fold makes of reports: starts, sign-ins, use by hour and by day, daily readings, software."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from muster_server.models.base import instant, key, metadata, text, whole

MARKS = ("to_sign_in", "to_desktop", "to_usable", "to_settled")
PHASES = ("firmware_ms", "loader_ms", "kernel_ms", "initrd_ms", "userspace_ms", "session_ms", "sign_in_other_ms",
          "machine_policy_ms", "user_policy_ms", "shell_ms", "settling_ms")  # fmt: skip
SIGN_IN_MARKS = ("to_desktop", "to_usable")
SIGN_IN_PARTS = ("authentication_ms", "policy_ms", "profile_ms", "shell_ms")


def _mark(name: str) -> list[Column[Any]]:
    """A duration, how it was come by, and whether it is a lower bound (null: not told)."""
    return [whole(f"{name}_ms"), text(f"{name}_quality"), Column(f"{name}_at_least", Boolean)]


# The key holds zero_at because PostgreSQL wants the partition column in it; fold finds a start by device and start_id
# first, so one start never has two zeros.
starts = Table(
    "starts",
    metadata,
    Column("device_id", BigInteger, primary_key=True, autoincrement=False),
    Column("start_id", Text, primary_key=True),
    Column("zero_at", BigInteger, primary_key=True, autoincrement=False),  # corrected time of the kernel's start
    text("kind", nullable=False),
    *[column for mark in MARKS for column in (*_mark(mark), Column(f"{mark}_revision", Integer))],
    *[whole(phase) for phase in PHASES],
    text("stop_before"),  # how the run before ended; null where the device cannot tell
    text("stop_code"),  # of a crash, as 0x and hex digits
    Column("before_agent", Boolean, nullable=False),
    Column("after_update", Boolean, nullable=False),
    text("culprits"),  # JSON list of {name, kind, seconds}
    instant("first_received_at", nullable=False),
    # A device's page and its signals read its starts of the last N days.
    Index("ix_starts_device_id_zero_at", "device_id", "zero_at"),
    postgresql_partition_by="RANGE (zero_at)",
    info={"partition": ("zero_at", "month")},
)

# The key holds `at` as that of starts holds zero_at.
sign_ins = Table(
    "sign_ins",
    metadata,
    Column("device_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sign_in_id", Text, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),  # corrected time of credentials accepted
    text("kind", nullable=False),
    *[column for mark in SIGN_IN_MARKS for column in _mark(mark)],
    *[whole(part) for part in SIGN_IN_PARTS],  # they overlap
    Column("before_agent", Boolean, nullable=False),
    instant("first_received_at", nullable=False),
    # A device's page and its signals read its sign-ins of the last N days.
    Index("ix_sign_ins_device_id_at", "device_id", "at"),
    postgresql_partition_by="RANGE (at)",
    info={"partition": ("at", "month")},
)

# `minutes` is JSON {"cpu": [12], "memory": [12], "disk": [12], "memory_pressure": [[4] x 4], "commit_pressure":
# [[4] x 4], "disk_wait": [8]}, unknown keys left out.
use_hours = Table(
    "use_hours",
    metadata,
    Column("device_id", BigInteger, primary_key=True, autoincrement=False),
    Column("hour_at", BigInteger, primary_key=True, autoincrement=False),
    text("minutes", nullable=False),
    Column("missed", Integer, nullable=False),
    Column("suspended", Integer, nullable=False),
    postgresql_partition_by="RANGE (hour_at)",
    info={"partition": ("hour_at", "month")},
)

# One row a device and UTC day, kept 13 months: use added up, and the day's last readings.
device_days = Table(
    "device_days",
    metadata,
    Column("device_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Text, primary_key=True),
    Column("day_at", BigInteger, primary_key=True, autoincrement=False),  # its first instant: the partition column
    text("minutes"),  # as in use_hours; null when the day has no use
    Column("missed", Integer, nullable=False, server_default="0"),
    Column("suspended", Integer, nullable=False, server_default="0"),
    instant("read_at"),  # corrected time of the day's newest reading below
    whole("disk_free_bytes"),  # of the system volume
    whole("disk_total_bytes"),
    text("battery"),  # JSON list of packs as sent
    postgresql_partition_by="RANGE (day_at)",
    info={"partition": ("day_at", "month")},
)

software_titles = Table(
    "software_titles",
    metadata,
    key(),
    Column("source", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),  # empty when unknown, so that the key below is whole
    Column("publisher", Text, nullable=False),
    UniqueConstraint("source", "name", "version", "publisher"),
)

# One row a device: [[title_id, installed_on or null], ...] as JSON, newest list only.
device_software = Table(
    "device_software",
    metadata,
    Column("device_id", ForeignKey("devices.id"), primary_key=True),
    instant("fact_at", nullable=False),
    text("titles", nullable=False),
    whole("title_count", nullable=False),  # listed ones and the ones only counted
    whole("more_titles", nullable=False),
)
