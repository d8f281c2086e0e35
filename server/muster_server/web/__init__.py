"""The console's pages and the read API. Reads, and saves people's decisions through the store."""

from __future__ import annotations

from flask import Flask

from muster_server.web import api, reference


def init_app(app: Flask) -> None:
    """Register the pages and the API on the application."""
    app.register_blueprint(api.blueprint)
    app.register_blueprint(reference.blueprint)
