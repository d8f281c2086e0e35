"""Units, and the enrolment keys that bring devices into them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Table

from muster_server.models.base import instant, key, metadata, text, whole

units = Table("units", metadata, key(), Column("name", text("n").type, nullable=False, unique=True))

enrolment_keys = Table(
    "enrolment_keys",
    metadata,
    key(),
    Column("key_sha256", text("n").type, nullable=False, unique=True),
    text("label", nullable=False),
    text("unit"),
    text("site"),
    Column("needs_approval", Boolean, nullable=False),
    instant("created_at", nullable=False),
    instant("expires_at", nullable=False),
    whole("uses_left", nullable=False),
    instant("revoked_at"),
)
