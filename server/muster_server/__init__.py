"""The Muster server: takes reports from devices, judges every device and shows the health of the estate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from muster_server.config import Settings


def create_app(settings: Settings, on_commit: Callable[[], None] | None = None) -> Flask:
    """The Flask application over a migrated store; raises StoreUnavailableError when the store is not ready.

    `on_commit` is called after reports were stored, to hint that there is something to fold; it must not block.
    """
    # Here and not above: worker, beat and every command import this package, and need half a second less without.
    from flask import Flask
    from werkzeug.middleware.proxy_fix import ProxyFix

    from muster_server import auth, health_api, metrics, problems, web
    from muster_server.config import secret_key
    from muster_server.db import Database
    from muster_server.ingest import api
    from muster_server.services import Services, attach
    from muster_server.store.migrate import check_migrated

    app = Flask(__name__, template_folder="web/templates", static_folder="web/static", static_url_path="/static")
    app.config["SECRET_KEY"] = secret_key(settings)
    database = Database(settings.store_url, pool_size=settings.web_threads)
    check_migrated(database)
    attach(app, Services(settings=settings, database=database))
    problems.init_app(app)
    health_api.init_app(app)
    api.init_app(app, database, on_commit=on_commit or (lambda: None))
    web.init_app(app)
    metrics.init_app(app)
    auth.init_app(app)
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app
