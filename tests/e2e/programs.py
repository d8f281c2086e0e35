"""Muster's own programs as a person or a service manager runs them: real processes on a free port."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
from tests.e2e.wire import Client
from tests.server.door import enrolment_key

from muster_server.db import Database

MUSTER = [sys.executable, "-m", "muster_server.cli"]
PATIENCE_SECONDS = 60.0


def wait_for(what: str, happened: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """The first true value of `happened`; fails the test when there was none within `seconds`."""
    ends = time.monotonic() + seconds
    pause = 0.02
    while time.monotonic() < ends:
        if found := happened():
            return found
        time.sleep(pause)
        pause = min(0.2, pause * 1.5)  # to look often would slow down what is waited for
    raise AssertionError(f"within {seconds:.0f} s there was no {what}")


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port of an address of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def environment(**settings: Any) -> dict[str, str]:
    """This process's environment with `settings` as MUSTER_*, and no other Muster setting."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MUSTER_")}
    return {**plain, **{f"MUSTER_{name.upper()}": str(value) for name, value in settings.items()}}


def muster(*arguments: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    """One command of the command line, run to its end."""
    command = [*MUSTER, *arguments]
    return subprocess.run(command, env=environment(**settings), capture_output=True, text=True, timeout=60, check=False)


class Program:
    """A long-running command, its output in a file beside its data."""

    def __init__(self, data_dir: Path, *arguments: str, **settings: Any) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.arguments = arguments
        self.settings = {"data_dir": data_dir, "port": self.port, **settings}
        self.log = data_dir.parent / f"{data_dir.name}.out"
        self.client = Client(self.port)
        self.process: subprocess.Popen[bytes]

    def start(self) -> None:
        """Start it; its output begins anew."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*MUSTER, *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment(**self.settings),
                process_group=0,
            )

    @property
    def said(self) -> str:
        """What it printed so far."""
        return self.log.read_text()

    def wait_until_said(self, text: str, seconds: float = PATIENCE_SECONDS) -> str:
        """Wait until `text` stands in its output, and give all of that."""
        try:
            wait_for(repr(text), lambda: text in self.said or self.process.poll() is not None, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error} in:\n{self.said}") from None
        assert text in self.said, self.said
        return self.said

    def wait_until_ready(self) -> None:
        """Wait until it takes reports."""
        wait_for("ready server", lambda: self.process.poll() is not None or self.client.status("/readyz") == 200)
        assert self.process.poll() is None, self.said

    def child(self, name: str) -> int:
        """The process id of one child of `muster up`."""
        word = {"redis": "redis-server", "web": "serve", "agent": "muster_agent"}.get(name, name)
        children = {child.pid: child.cmdline() for child in psutil.Process(self.process.pid).children()}
        found = [pid for pid, argv in children.items() if word in argv or Path(argv[0].split()[0]).name == word]
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def run(self, *arguments: str) -> str:
        """What a command of the command line prints when it is run beside this program."""
        done = muster(*arguments, **self.settings)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def enrolment_key(self) -> str:
        """A key that lets devices in."""
        with closing(self.open_store()) as database:
            return enrolment_key(database)

    def open_store(self) -> Database:
        """The store that it uses."""
        return Database(self.settings.get("database_url") or f"sqlite:///{self.data_dir / 'muster.db'}")

    def stop(self, number: signal.Signals = signal.SIGINT, seconds: float = 20.0) -> int:
        """End it in order, as Ctrl-C does, and give its exit code."""
        self.client.close()
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End it and all it started by force; for the end of a test."""
        self.client.close()
        for left in left_over(self.data_dir):
            left.kill()
        self.process.kill()
        self.process.wait(10)


def left_over(data_dir: Path) -> list[psutil.Process]:
    """Every process that was started for a data directory and still runs."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("MUSTER_DATA_DIR") == str(data_dir) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def running_json(data_dir: Path) -> dict[str, Any]:
    """What `muster up` wrote about itself."""
    found: dict[str, Any] = json.loads((data_dir / "running.json").read_bytes())
    return found
