"""The real server, on a store of each kind, pinned to one core.

Enters: a way to fill an empty store. Leaves: running servers on copies of it, and the processes whose CPU is counted.
PostgreSQL runs on the core of the load generator, so that the server has its own to itself.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from sqlalchemy import make_url
from tests.bench import harness
from tests.bench.estate import KEY
from tests.e2e.programs import Program
from tests.server import postgresql

from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.redis_server import choose
from muster_server.store.migrate import migrate

STORES = ("sqlite", "postgresql")
Fill = Callable[[Database], None]


class Store:
    """A filled store of one kind, of which any number of copies are made."""

    def __init__(self, kind: str, *, directory: Path, server: postgresql.Server | None) -> None:
        self.kind = kind
        self._directory = directory
        self._server = server
        self._url = server.fresh_url() if server else f"sqlite:///{directory / 'template.db'}"

    def fill(self, fill: Fill) -> None:
        """Migrate the store and fill it; then it is analysed, as autovacuum does within a minute."""
        database = Database(self._url)
        migrate(database, now_ms())
        fill(database)
        database.close()
        if self._server:
            with psycopg.connect(self._url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")

    @contextmanager
    def copy(self) -> Iterator[str]:
        """The URL of a fresh copy, dropped afterwards."""
        if self._server is None:
            with tempfile.TemporaryDirectory(dir=self._directory) as place:
                for suffix in ("", "-wal"):
                    if Path(f"{self._directory / 'template.db'}{suffix}").exists():
                        shutil.copy(f"{self._directory / 'template.db'}{suffix}", f"{place}/muster.db{suffix}")
                yield f"sqlite:///{place}/muster.db"
            return
        url = self._server.fresh_url(template=str(make_url(self._url).database))
        try:
            yield url
        finally:
            self._server.drop(url)


@contextmanager
def stores(fill: Fill, kinds: Sequence[str] = STORES) -> Iterator[list[Store]]:
    """A filled store of each kind."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="muster-bench-", dir=disk())))
        made = []
        for kind in kinds:
            with harness.pinned(harness.cores()[1]):
                server = stack.enter_context(postgresql.running_server()) if kind == "postgresql" else None
            made.append(Store(kind, directory=directory, server=server))
            made[-1].fill(fill)
        yield made


@contextmanager
def served(url: str, **settings: Any) -> Iterator[Program]:
    """A server on a store, on a core of its own, with a Redis on the other."""
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as place, ExitStack() as stack:
        redis = choose(Settings(data_dir=place))
        if redis.command:
            with harness.pinned(harness.cores()[1]):
                beside = subprocess.Popen(redis.command, stdout=subprocess.DEVNULL)
            stack.callback(harness.stop, beside)
        known = {"database_url": url, "redis_url": redis.url, "secret_key": KEY, "log_level": "warning"}
        server = Program(Path(place, "var"), "serve", **{**known, **settings})
        with harness.pinned(harness.cores()[0]):
            server.start()
        stack.callback(server.stop)
        server.wait_until_ready()
        yield server


def store_pids() -> list[int]:
    """The PostgreSQL that this process started, if any."""
    return [child.pid for child in psutil.Process().children() if child.name() == "postgres"]


def disk() -> Path | None:
    """A directory on a real disk: /tmp is memory on some systems, where fsync costs nothing."""
    return Path("/var/tmp") if Path("/var/tmp").is_dir() else None
