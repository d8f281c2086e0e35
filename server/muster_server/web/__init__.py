"""The console's pages and the read API. Reads, and saves people's decisions through the store."""

from __future__ import annotations

from flask import Flask

from muster_server.web import (
    api,
    coverage,
    device,
    devices,
    estate,
    failures,
    flags,
    frame,
    reference,
    replacements,
    signing,
)


def init_app(app: Flask) -> None:
    """Register the pages and the API on the application."""
    frame.init_app(app)
    failures.init_app(app)
    signing.init_app(app)
    for page in (api, reference, estate, devices, device, flags, replacements, coverage):
        app.register_blueprint(page.blueprint)
