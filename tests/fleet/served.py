"""A Muster server for the tests of the estate: the real application over HTTP on a store of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.fleet.sender import Server
from tests.server.door import enrolment_key
from werkzeug.serving import WSGIRequestHandler, make_server

from muster_server import create_app
from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.jobs import fold, judge, snapshot
from muster_server.store.migrate import migrate


class Muster(NamedTuple):
    """A running server: its store, its settings, and where an estate sends to."""

    database: Database
    settings: Settings
    door: Server

    def work(self) -> int:
        """Fold, judge and show what waits; gives how many reports were folded."""
        done = fold.run(self.database, self.settings, now=now_ms())
        judge.run(self.database, self.settings, now=now_ms())
        snapshot.run(self.database, self.settings, now=now_ms())
        return done


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@contextmanager
def running(store_url: str, data_dir: Path) -> Iterator[Muster]:
    """A server on an empty store, until the block ends."""
    settings = Settings(database_url=store_url, data_dir=str(data_dir), web_threads=8, use_hour_days=30)
    database = Database(store_url)
    migrate(database, now_ms())
    app = create_app(settings)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    keys = [enrolment_key(database, unit=unit) for unit in ("Response", "Custody")]
    try:
        yield Muster(database, settings, Server(f"http://127.0.0.1:{server.server_port}", keys))
    finally:
        server.shutdown()
        server.server_close()
        app.extensions["muster_door"].writer.stop()
        app.extensions["muster_door"].revocations.stop()
        app.extensions["muster"].database.close()
        database.close()
