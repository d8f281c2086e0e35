"""A throwaway PostgreSQL: Debian's binaries on a unix socket, one server a test process, one database a test."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url
from tests import needs


class Server:
    """A PostgreSQL. `fresh_url()` makes a database, empty or a copy of another, and gives its URL."""

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url

    def fresh_url(self, template: str = "template1") -> str:
        name = f"t{uuid.uuid4().hex}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return make_url(self.admin_url).set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        self._run(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(statement)


class OwnServer(Server):
    """A PostgreSQL in a directory of its own, made from Debian's binaries; it may be stopped and started."""

    def __init__(self) -> None:
        places = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
        initdb, postgres = needs.tool("initdb", *places), needs.tool("postgres", *places)
        self.directory = Path(tempfile.mkdtemp(prefix="muster-pg-"))
        super().__init__(f"postgresql://muster@/postgres?host={self.directory}")
        as_nobody = [] if os.getuid() else ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
        if as_nobody:
            shutil.chown(self.directory, "nobody", "nogroup")
        data = str(self.directory / "data")
        make = [*as_nobody, initdb, "-D", data, "-U", "muster", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        subprocess.run(make, check=True, capture_output=True, cwd=self.directory)
        self._serve = [*as_nobody, postgres, "-D", data, "-k", str(self.directory), "-c", "listen_addresses="]

    def start(self) -> None:
        """Start, and wait until it answers."""
        log = self.directory / "log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(self._serve, stdout=output, stderr=output, cwd=self.directory)
        _wait_for(self.admin_url, self.process, log)

    def stop(self) -> None:
        """Stop at once, ending all connections, with everything committed on disk."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


@contextmanager
def running_server() -> Iterator[Server]:
    """The server named by MUSTER_TEST_POSTGRESQL, or one of our own, removed afterwards."""
    given = os.environ.get("MUSTER_TEST_POSTGRESQL")
    if given:
        yield Server(given)
        return
    with own_server() as server:
        yield server


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """A server of our own, running; removed afterwards."""
    server = OwnServer()
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.directory, ignore_errors=True)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if process.poll() is not None:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}") from None
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not answer within 30 s: {log.read_text()}")
