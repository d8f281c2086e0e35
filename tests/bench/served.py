"""The real server, on a store of each kind, pinned to one core.

Enters: a way to fill an empty store. Leaves: running servers on copies of it, and the processes whose CPU is counted.
PostgreSQL runs on the core of the load generator, so that the server has its own to itself.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from sqlalchemy import make_url
from tests.bench import harness
from tests.bench.estate import KEY
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
            server = stack.enter_context(_postgresql_elsewhere()) if kind == "postgresql" else None
            made.append(Store(kind, directory=directory, server=server))
            made[-1].fill(fill)
        yield made


@contextmanager
def served(url: str, **settings: Any) -> Iterator[tuple[int, int]]:
    """(port, pid) of a running server on a store, with a Redis beside it, on the server's core."""
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as place, ExitStack() as stack:
        port = free_port()
        redis = choose(Settings(data_dir=place))
        if redis.command:
            beside = [*harness.on_core(harness.cores()[1]), *redis.command]
            stack.callback(harness.stop, subprocess.Popen(beside, stdout=subprocess.DEVNULL))
        chosen = {
            "data_dir": place,
            "database_url": url,
            "redis_url": redis.url,
            "port": port,
            "secret_key": KEY,
            "log_level": "warning",
            **settings,
        }
        log = stack.enter_context(Path(place, "server.log").open("wb"))
        command = [*harness.on_core(harness.cores()[0]), sys.executable, "-m", "muster_server.cli", "serve"]
        process = subprocess.Popen(command, env=environment(**chosen), stdout=log, stderr=log)
        stack.callback(harness.stop, process)
        try:
            harness.wait_until("ready server", lambda: process.poll() is not None or answers(port))
        finally:
            if process.poll() is not None:
                print(Path(place, "server.log").read_text())
        yield port, process.pid


def environment(**settings: Any) -> dict[str, str]:
    """This process's environment with `settings` as MUSTER_*, and no other setting of Muster."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MUSTER_")}
    return {**plain, **{f"MUSTER_{name.upper()}": str(value) for name, value in settings.items()}}


def free_port(among: Sequence[int] = (0,)) -> int:
    """A TCP port of the loopback that nobody uses now."""
    for wanted in among:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", wanted))
            port: int = probe.getsockname()[1]
            return port
    raise OSError(f"None of {len(among)} ports is free.")


def store_pids() -> list[int]:
    """The PostgreSQL that this process started, if any."""
    return [child.pid for child in psutil.Process().children() if child.name() == "postgres"]


@contextmanager
def _postgresql_elsewhere() -> Iterator[postgresql.Server]:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {harness.cores()[1]})  # what is started now inherits it
    with postgresql.running_server() as server:
        os.sched_setaffinity(0, allowed)
        yield server


def answers(port: int, path: str = "/readyz") -> bool:
    """Whether a server on this machine answers a path as it should."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return bool(answer.status < 300)
    except OSError:
        return False


def disk() -> Path | None:
    """A directory on a real disk: /tmp is memory on some systems, where fsync costs nothing."""
    return Path("/var/tmp") if Path("/var/tmp").is_dir() else None
