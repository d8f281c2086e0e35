"""The Muster server: takes reports from devices, judges every device and shows the health of the estate."""

from __future__ import annotations

from flask import Flask

from muster_server import metrics, web
from muster_server.config import Settings, secret_key
from muster_server.db import Database
from muster_server.ingest import api
from muster_server.services import Services, attach
from muster_server.store.migrate import check_migrated


def create_app(settings: Settings) -> Flask:
    """The Flask application over a migrated store; raises StoreUnavailableError when the store is not ready."""
    app = Flask(__name__, template_folder="web/templates", static_folder="web/static", static_url_path="/static")
    app.config["SECRET_KEY"] = secret_key(settings)
    database = Database(settings.store_url, pool_size=settings.web_threads)
    check_migrated(database)
    attach(app, Services(settings=settings, database=database))
    api.init_app(app)
    web.init_app(app)
    metrics.init_app(app)
    return app
