"""A throwaway PostgreSQL: Debian's binaries on a unix socket, one server a test process, one database a test."""

from __future__ import annotations

import os
import shutil
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
    """A running PostgreSQL. `fresh_url()` makes an empty database and gives its URL."""

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url

    def fresh_url(self) -> str:
        name = f"t{uuid.uuid4().hex}"
        self._run(f"CREATE DATABASE {name}")
        return make_url(self.admin_url).set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        self._run(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def running_server() -> Iterator[Server]:
    """The server named by MUSTER_TEST_POSTGRESQL, or one started here from Debian's binaries and stopped afterwards."""
    given = os.environ.get("MUSTER_TEST_POSTGRESQL")
    if given:
        yield Server(given)
        return
    places = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    initdb, postgres = needs.tool("initdb", *places), needs.tool("postgres", *places)
    directory = Path(tempfile.mkdtemp(prefix="muster-pg-"))
    as_nobody = [] if os.getuid() else ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
    if as_nobody:
        shutil.chown(directory, "nobody", "nogroup")
    data = directory / "data"
    make = [*as_nobody, initdb, "-D", str(data), "-U", "muster", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run(make, check=True, capture_output=True, cwd=directory)
    serve = [*as_nobody, postgres, "-D", str(data), "-k", str(directory), "-c", "listen_addresses="]
    log = (directory / "log").open("wb")
    process = subprocess.Popen(serve, stdout=log, stderr=log, cwd=directory)
    try:
        url = f"postgresql://muster@/postgres?host={directory}"
        _wait_for(url, process, directory / "log")
        yield Server(url)
    finally:
        process.send_signal(2)  # fast shutdown
        process.wait(30)
        log.close()
        shutil.rmtree(directory, ignore_errors=True)


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
