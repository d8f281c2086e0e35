"""The server as a device sees it: Muster's own `serve` in a process, on the address that one Debian can reach."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Table, select
from tests.e2e.programs import MUSTER, environment, free_port, wait_for
from tests.server.door import enrolment_key
from tests.system.ground import TIED, children

from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.jobs import fold
from muster_server.store.migrate import migrate

Row = dict[str, Any]


class Outside:
    """A server with a store of its own. What it took is folded when the test looks."""

    def __init__(self, directory: Path, host: str) -> None:
        """Make the store; `start` makes it answer."""
        directory.mkdir()
        self._settings = Settings(data_dir=str(directory), host=host, port=free_port(host))
        self._log = directory / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._database = Database(self._settings.store_url)
        migrate(self._database, now_ms())

    @property
    def address(self) -> str:
        """What the agent is told."""
        return f"http://{self._settings.host}:{self._settings.port}"

    def key(self) -> str:
        """An enrolment key."""
        return enrolment_key(self._database)

    def start(self) -> None:
        """Serve, and wait until it takes connections."""
        here = {name: getattr(self._settings, name) for name in ("data_dir", "host", "port")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([*TIED, *MUSTER, "serve"], stdout=log, stderr=log, env=environment(**here))
        wait_for("server", self._answers)

    def freeze(self) -> None:
        """Let it hang for good: connections are taken, and nothing is answered any more."""
        for process in self._processes():
            process.suspend()

    def stop(self) -> None:
        """End it in order."""
        assert self._process is not None
        self._processes()[0].terminate()
        self._process.wait(30)
        self._process = None

    def end(self) -> None:
        """End it by force, frozen or not, and close the store."""
        if self._process is not None:
            self._processes()[0].kill()  # and with it, all that it started
            self._process.wait(30)
        self._database.close()

    def rows(self, table: Table) -> list[Row]:
        """Every row of a table, once all that was received is folded."""
        fold.run(self._database, self._settings, now=now_ms())
        with self._database.read() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    def wait_for_rows(self, table: Table, fits: Callable[[Row], bool], seconds: float = 60.0) -> list[Row]:
        """Rows of a table that fit, once there are any."""
        what = f"such row in {table.name}"
        found: list[Row] = wait_for(what, lambda: [row for row in self.rows(table) if fits(row)], seconds)
        return found

    def _processes(self) -> list[psutil.Process]:
        """The server's own, those that serve for it after it."""
        assert self._process is not None
        first = psutil.Process(children(self._process.pid)[0])
        return [first, *first.children(recursive=True)]

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        try:
            socket.create_connection((self._settings.host, self._settings.port), 1).close()
        except OSError:
            return False
        return True
