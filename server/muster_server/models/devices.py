"""Devices: who they are, what they last said, and what they are told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, Table, Text

from muster_server.models.base import instant, key, metadata, text, whole

devices = Table(
    "devices",
    metadata,
    key(),
    Column("uid", Text, nullable=False, unique=True),
    Column("generation", Integer, nullable=False),
    instant("enrolled_at", nullable=False),
    instant("reinstalled_at"),
    Column("approved", Boolean, nullable=False),
    text("smbios_uuid"),
    text("system_serial"),
    text("disk_serial"),
    text("hardware_hash"),
    text("machine_hash"),
    # Where it belongs, and which source said so (design.md section 5).
    text("unit"),
    text("site"),
    text("unit_source"),
    # `in use`, `stock`, `repair`, `lost`, `retired`; assumed `in use` and `personal` until a register says otherwise.
    Column("status", Text, nullable=False, server_default="in use"),
    Column("role_of_use", Text, nullable=False, server_default="personal"),
    Column("status_assumed", Boolean, nullable=False, server_default="1"),
    # The next instant at which this device must be judged, null when nothing is due.
    instant("judge_at"),
    # Enrolment asks whether this hardware is known.
    Index("ix_devices_smbios_uuid", "smbios_uuid"),
    Index("ix_devices_system_serial", "system_serial"),
    Index("ix_devices_disk_serial", "disk_serial"),
    Index("ix_devices_machine_hash", "machine_hash"),
    Index("ix_devices_unit", "unit"),  # lists filter by unit
    # The judging job asks which devices are due.
    Index("ix_devices_judge_at", "judge_at", postgresql_where=Column("judge_at", BigInteger).isnot(None)),
)

device_orders = Table(
    "device_orders",
    metadata,
    Column("device_id", ForeignKey("devices.id"), primary_key=True),
    Column("want", Text, nullable=False),  # a JSON list of section names
    Column("identity", Text, nullable=False),  # `keep` or `split`
    whole("next_report_seconds"),
)

# One row a device: what lists filter and sort by. Bodies of sections are in device_sections.
device_state = Table(
    "device_state",
    metadata,
    Column("device_id", ForeignKey("devices.id"), primary_key=True),
    instant("reported_at"),  # when the newest report folded was made, by the server's clock
    instant("collected_at"),  # the same
    text("agent_version"),
    whole("clock_skew_ms"),  # device clock minus server clock, at the newest report
    text("hostname"),
    text("device_class"),
    text("manufacturer"),
    text("model"),
    text("serial"),
    text("os_name"),
    text("os_version"),
    Column("memory_bytes", BigInteger),
    text("outcomes"),  # JSON: collector -> {outcome, problem, seconds} of the newest report
    whole("last_start_ms"),  # the mark named below of the newest start
    text("last_start_mark"),
    Column("last_start_at_least", Boolean),  # whether it is a lower bound
    instant("last_start_at"),
    Column("disk_free_ratio", Float),  # of the system volume
    Index("ix_device_state_serial", "serial"),  # a device is found by its serial
    # Lists go on after a value and a device; a device is found by its hostname.
    Index("ix_device_state_hostname", "hostname", "device_id"),
    Index("ix_device_state_reported_at", "reported_at", "device_id"),
    Index("ix_device_state_last_start_ms", "last_start_ms", "device_id"),
    Index("ix_device_state_disk_free_ratio", "disk_free_ratio", "device_id"),
)

# The newest body of each section a device has sent.
device_sections = Table(
    "device_sections",
    metadata,
    Column("device_id", ForeignKey("devices.id"), primary_key=True),
    Column("section", Text, primary_key=True),
    instant("fact_at", nullable=False),  # corrected time of the report it came with
    text("body", nullable=False),
)
