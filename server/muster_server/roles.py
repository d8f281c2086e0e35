"""Roles of people, what each may do, and which right each route asks for."""

from __future__ import annotations

# From the one that may least.
ROLES = ("viewer", "auditor", "service_desk", "asset_manager", "admin")

# Who may do what each right names; routes name rights, never roles.
RIGHTS = {
    "read": frozenset(ROLES),
    "acknowledge": frozenset({"service_desk", "asset_manager", "admin"}),
    "administer": frozenset({"admin"}),
}

# `anybody`: shows nothing of the estate's devices. `device`: the route checks a device's token or key itself.
OPEN = frozenset({"anybody", "device"})

# Endpoint -> the right it asks for. A route without a line here keeps the application from starting.
ROUTES = {
    "static": "anybody",
    "health.healthz": "anybody",
    "health.readyz": "anybody",
    "metrics.metrics": "anybody",
    "ingest.enrol": "device",
    "ingest.reports": "device",
    "api.devices": "read",
    "api.device": "read",
    "api.software": "read",
    "api.assessment": "read",
    "api.replacements": "read",
    "api.estate": "read",
    "reference.document": "anybody",
    "reference.page": "read",
    "signing.sign_in": "anybody",
    "signing.sign_in_by_password": "anybody",
    "signing.sign_in_link": "anybody",
    "signing.sign_in_by_link": "anybody",
    "signing.sign_out": "read",
    "signing.account": "read",
    "signing.change_password": "read",
    "estate.estate": "read",
    "devices.devices": "read",
    "devices.find": "read",
    "device.device": "read",
    "device.evidence": "read",
    "device.software": "read",
    "device.approve": "administer",
    "flags.acknowledge": "acknowledge",
    "flags.take_back": "acknowledge",
    "replacements.replacements": "read",
    "replacements.replacements_csv": "read",
    "coverage.coverage": "read",
}
