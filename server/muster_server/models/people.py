"""People who use the console: accounts, sessions, API tokens, and the audit trail of what they did."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from muster_server.models.base import instant, key, metadata, text

users = Table(
    "users",
    metadata,
    key(),
    Column("name", Text, nullable=False, unique=True),
    text("role", nullable=False),  # viewer, service_desk, asset_manager, auditor, admin
    text("password_hash"),  # argon2id; null until the person has set one
    text("link_sha256"),  # of a one-time sign-in link
    instant("link_expires_at"),
    instant("created_at", nullable=False),
    instant("disabled_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_sha256", Text, primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    instant("created_at", nullable=False),
    instant("seen_at", nullable=False),
    Index("ix_sessions_user_id", "user_id"),  # sign everyone out of one account
)

api_tokens = Table(
    "api_tokens",
    metadata,
    key(),
    Column("token_sha256", Text, nullable=False, unique=True),
    text("label", nullable=False),
    text("role", nullable=False),
    instant("created_at", nullable=False),
    instant("expires_at"),
    instant("revoked_at"),
)

audit = Table(
    "audit",
    metadata,
    key(),
    instant("done_at", nullable=False),
    text("actor", nullable=False),
    text("action", nullable=False),
    text("target"),
    text("detail"),  # JSON
)
