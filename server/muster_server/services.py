"""What every request handler may use: settings and the store. Made once by `create_app`."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app

from muster_server.config import Settings
from muster_server.db import Database


@dataclass(frozen=True)
class Services:
    """The application's shared parts."""

    settings: Settings
    database: Database


def attach(app: Flask, services: Services) -> None:
    """Make `services` reachable from this application's requests."""
    app.extensions["muster"] = services


def current() -> Services:
    """The running application's services."""
    services: Services = current_app.extensions["muster"]
    return services
