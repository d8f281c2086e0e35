"""Raw reports as they were taken, the streams that decide what is a duplicate, and revoked tokens."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text
from sqlalchemy import text as sql

from muster_server.models.base import Key, instant, metadata, text, whole

# On PostgreSQL no unique key: partitions go by received_at, and `streams` alone decides duplicates.
reports = Table(
    "reports",
    metadata,
    Column("id", Key, autoincrement=True),
    instant("received_at", nullable=False),
    Column("device_id", BigInteger, nullable=False),
    text("stream", nullable=False),
    whole("sequence", nullable=False),
    Column("generation", Integer, nullable=False),
    instant("corrected_at", nullable=False),  # when it was collected, by the server's clock
    whole("skew_ms"),  # device clock minus server clock when sent; null if it could not be told
    Column("clock_doubtful", Integer, nullable=False, server_default="0"),  # 1: the device's clock cannot be believed
    Column("split", Integer, nullable=False, server_default="0"),  # 1: stored but not folded (identity split)
    Column("body", LargeBinary, nullable=False),  # re-encoded JSON of the validated report
    instant("folded_at"),
    # fold asks for what was received and not folded, oldest first.
    Index(
        "ix_reports_unfolded",
        "id",
        sqlite_where=sql("folded_at IS NULL AND split = 0"),
        postgresql_where=sql("folded_at IS NULL AND split = 0"),
    ),
    Index("ix_reports_received_at", "received_at"),  # retention, and figures of the last hours
    # SQLite counts the id only as a primary key; a partitioned PostgreSQL table would need received_at in it.
    PrimaryKeyConstraint("id").ddl_if(dialect="sqlite"),
    postgresql_partition_by="RANGE (received_at)",
    info={"partition": ("received_at", "day")},
)

streams = Table(
    "streams",
    metadata,
    Column("device_id", ForeignKey("devices.id"), primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("generation", Integer, nullable=False),
    text("hardware_hash"),  # as the stream last said
    text("previous_hash"),  # before a change that is taken for a repair until the two alternate
    text("split_hash"),  # the later-seen of two that alternate: its reports are stored and not folded
    whole("highest", nullable=False),
    Column("bitmap", LargeBinary, nullable=False),  # of the last 4,096 sequences, little-endian, bit 0 = highest
    Column("digests", LargeBinary, nullable=False),  # 4 bytes each for the last 256 reports
    instant("first_received_at", nullable=False),
    instant("last_received_at", nullable=False),
)

revocations = Table(
    "revocations",
    metadata,
    Column("device_id", ForeignKey("devices.id"), primary_key=True),
    Column("lowest_generation", Integer, nullable=False),  # tokens below this generation are refused
    instant("revoked_at", nullable=False),
    Column("revoked_by", Text, nullable=False),
)
