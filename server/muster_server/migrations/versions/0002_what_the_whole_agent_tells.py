"""Sign-ins, lower bounds, how runs ended, and the signals made of them. Rows that are there stay as they are."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MARKS = ("to_sign_in", "to_desktop", "to_usable", "to_settled")
_PHASES = ("session", "sign_in_other", "machine_policy", "user_policy", "shell", "settling")
_ADDED: dict[str, dict[str, Any]] = {
    "starts": {
        **{f"{mark}_at_least": sa.Boolean for mark in _MARKS},
        **{f"{phase}_ms": sa.BigInteger for phase in _PHASES},
        "stop_before": sa.Text,
        "stop_code": sa.Text,
    },
    "device_state": {"last_start_at_least": sa.Boolean},
    "signals": {
        "start_median_at_least": sa.Boolean,
        "start_p90_at_least": sa.Boolean,
        "unexpected_stops": sa.Integer,
        "bugchecks": sa.Integer,
        "bugcheck_code": sa.Text,
        "stops_known": sa.Integer,
        "stops_newest_at": sa.BigInteger,
        "sign_in_mark": sa.Text,
        "sign_in_kind": sa.Text,
        "sign_in_quality": sa.Text,
        "sign_in_median_ms": sa.BigInteger,
        "sign_in_median_at_least": sa.Boolean,
        "sign_in_samples": sa.Integer,
        "sign_in_newest_at": sa.BigInteger,
        "memory_commit_ratio": sa.Float,
        "system_drive_wear_ratio": sa.Float,
        "system_drive_failing": sa.Boolean,
        "disk_wait_ratio": sa.Float,
        "disk_wait_days": sa.Integer,
        "os_extended_held": sa.Boolean,
        "windows11": sa.Text,
        "windows11_checks": sa.Text,
    },
}


def upgrade() -> None:
    for table, columns in _ADDED.items():
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind))
    _sign_ins()


def downgrade() -> None:
    raise RuntimeError("What sign-ins were told would be lost: restore a backup instead.")


def _sign_ins() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("device_id", sa.BigInteger, nullable=False),
        sa.Column("sign_in_id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("to_desktop_ms", sa.BigInteger),
        sa.Column("to_desktop_quality", sa.Text),
        sa.Column("to_desktop_at_least", sa.Boolean),
        sa.Column("to_usable_ms", sa.BigInteger),
        sa.Column("to_usable_quality", sa.Text),
        sa.Column("to_usable_at_least", sa.Boolean),
        *(sa.Column(f"{part}_ms", sa.BigInteger) for part in ("authentication", "policy", "profile", "shell")),
        sa.Column("before_agent", sa.Boolean, nullable=False),
        sa.Column("first_received_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("device_id", "sign_in_id", "at", name="pk_sign_ins"),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("ix_sign_ins_device_id_at", "sign_ins", ["device_id", "at"])
