"""Roles of people, from the one that may least. What each may do stands with the routes."""

from __future__ import annotations

ROLES = ("viewer", "auditor", "service_desk", "asset_manager", "admin")

# Who may do what each right names; routes name rights, never roles.
RIGHTS = {
    "read": frozenset(ROLES),
    "acknowledge": frozenset({"service_desk", "asset_manager", "admin"}),
    "administer": frozenset({"admin"}),
}
