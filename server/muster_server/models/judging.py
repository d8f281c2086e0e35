"""Signals, assessments, verdicts, flags, and the estate's snapshot."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, Table
from sqlalchemy import text as sql

from muster_server.models.base import instant, key, metadata, text, whole

# One row a device: every signal with its sample count and the date of its newest fact. Null is unknown.
signals = Table(
    "signals",
    metadata,
    Column("device_id", ForeignKey("devices.id"), primary_key=True),
    instant("as_of", nullable=False),
    text("start_mark"),  # to_usable, to_desktop or to_settled: the first with 5 samples of one quality in 30 days
    text("start_kind"),
    text("start_quality"),
    whole("start_median_ms"),
    Column("start_median_at_least", Boolean),  # whether it may be longer in truth: a lower bound stands in its way
    whole("start_p90_ms"),
    Column("start_p90_at_least", Boolean),
    Column("start_samples", Integer),
    instant("start_newest_at"),
    text("start_culprit"),  # the name that stands in most of those starts, by seconds
    Column("unexpected_stops", Integer),  # starts of 30 days whose run before ended so; crashes among them
    Column("bugchecks", Integer),
    text("bugcheck_code"),  # the commonest of their codes
    Column("stops_known", Integer),  # starts of 30 days that tell how the run before ended
    instant("stops_newest_at"),
    text("sign_in_mark"),  # to_usable or to_desktop, chosen as for starts among ordinary sign-ins
    text("sign_in_kind"),
    text("sign_in_quality"),
    whole("sign_in_median_ms"),
    Column("sign_in_median_at_least", Boolean),
    Column("sign_in_samples", Integer),
    instant("sign_in_newest_at"),
    Column("memory_short_ratio", Float),  # share of observed minutes short of memory, at least, from 14 active days
    Column("memory_commit_ratio", Float),  # the part of it that shows by memory that is nearly all committed
    Column("memory_days", Integer),
    instant("memory_newest_at"),
    whole("memory_bytes"),
    Column("disk_free_ratio", Float),
    whole("disk_free_bytes"),
    Column("disk_samples", Integer),  # daily readings in 30 days
    instant("disk_newest_at"),
    text("system_drive_kind"),  # hdd, ssd, nvme; null when the device could not tell
    Column("system_drive_wear_ratio", Float),  # its maker's estimate, may exceed 1
    Column("system_drive_failing", Boolean),  # its own warning
    Column("disk_wait_ratio", Float),  # share of minutes with operations in which one took 50 ms and more on average
    Column("disk_wait_days", Integer),
    instant("system_drive_newest_at"),
    text("os_cycle"),  # "debian 12": product and cycle in the end-of-life data
    text("os_data_on"),  # the day of the end-of-life data
    Column("os_extended_days", Integer),  # until extended support ends; null where there is none
    Column("os_extended_free", Boolean),  # whether everybody gets it, or only who pays
    Column("os_extended_held", Boolean),  # whether a licence told by the device covers the day; null: it does not tell
    text("os_support"),  # supported, ended, extended_only, newer_than_data; null when unknown
    Column("os_support_days", Integer),  # until support ends; negative once ended
    text("os_support_ends_on"),
    instant("os_newest_at"),
    text("windows11"),  # the least of its checks: fail, unknown, fixable in firmware, pass (see health/windows11.py)
    text("windows11_checks"),  # JSON: check -> result
    Column("battery_present", Boolean),
    Column("battery_health_ratio", Float),  # full charge over design, median of the daily readings
    Column("battery_cycles", Integer),
    Column("battery_days", Integer),
    instant("battery_newest_at"),
    Column("active_days_90", Integer),
    Column("days_silent", Float),
    instant("reported_at"),
)

# Kept when a verdict or its findings change, and monthly: the evidence, replayable.
assessments = Table(
    "assessments",
    metadata,
    key(),
    Column("device_id", BigInteger, nullable=False),
    instant("as_of", nullable=False),
    text("verdict", nullable=False),
    text("findings", nullable=False),  # JSON list, see health/assess.py
    text("signals", nullable=False),  # canonical JSON of the signals row
    text("policy_sha256", nullable=False),
    text("ruleset", nullable=False),
    Column("judged_ratio", Float, nullable=False),  # share of the rules' weight that could be judged
    Index("ix_assessments_device_id_as_of", "device_id", "as_of"),  # a device's evidence, newest first
)

# One row a device: where it stands now. `error` is set when its assessment failed.
verdicts = Table(
    "verdicts",
    metadata,
    Column("device_id", ForeignKey("devices.id"), primary_key=True),
    text("verdict"),
    Column("assessment_id", BigInteger),
    instant("judged_at", nullable=False),
    Column("judged_ratio", Float),
    text("leading_rule"),  # id of the strongest true rule
    text("error"),
    Index("ix_verdicts_verdict", "verdict", "device_id"),  # lists filter and order by verdict
)

flags = Table(
    "flags",
    metadata,
    key(),
    Column("device_id", BigInteger, nullable=False),
    text("rule_id", nullable=False),
    text("suggests", nullable=False),  # fix, upgrade or replace
    instant("raised_at", nullable=False),
    Column("raised_by", BigInteger),  # assessment id
    instant("acknowledged_at"),
    text("acknowledged_by"),
    text("acknowledged_note"),
    instant("cleared_at"),
    Column("cleared_by", BigInteger),  # assessment id
    text("evidence", nullable=False),  # JSON of the finding when raised
    # One open flag a device and rule; also what judging reads to know which are open.
    Index(
        "uq_flags_open",
        "device_id",
        "rule_id",
        unique=True,
        sqlite_where=sql("cleared_at IS NULL"),
        postgresql_where=sql("cleared_at IS NULL"),
    ),
    Index("ix_flags_device_id", "device_id"),  # a device's page
    # What changed last, on the estate's page.
    Index("ix_flags_raised_at", "raised_at", "id"),
    Index("ix_flags_cleared_at", "cleared_at", "id"),
    # Recommendations are listed strongest first, then by age.
    Index(
        "ix_flags_open_suggests",
        "suggests",
        "id",
        sqlite_where=sql("cleared_at IS NULL"),
        postgresql_where=sql("cleared_at IS NULL"),
    ),
)

# Figures of the estate at one instant; /metrics and the estate page read the newest.
estate_snapshots = Table(
    "estate_snapshots",
    metadata,
    key(),
    instant("made_at", nullable=False),
    text("body", nullable=False),
    Index("ix_estate_snapshots_made_at", "made_at"),
)
