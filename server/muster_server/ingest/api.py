"""`POST /api/v1/enrol` and `POST /api/v1/reports`."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Register the two routes of the agents on the application."""
