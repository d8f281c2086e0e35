"""`/metrics`: the estate from its newest snapshot, and Muster itself."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Register `/metrics` on the application."""
