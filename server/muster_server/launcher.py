"""`muster up`: everything on one machine, from an empty directory to this machine on the page.

Enters: settings. Leaves: a running Redis, web server, worker, beat and agent, and lines that say what happens. Ends
when told to, and leaves no process and no lock behind.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil
from sqlalchemy.exc import OperationalError

from muster_server.checkup import redis_answers
from muster_server.clock import DAY_MS, now_ms
from muster_server.config import Settings, secret_key
from muster_server.db import Database
from muster_server.errors import MusterError
from muster_server.listening import answers_ready, local_url, usable_host
from muster_server.redis_server import Redis, choose
from muster_server.running import Running, claimed
from muster_server.store.enrolment import forget_keys, make_key
from muster_server.store.lists import verdict_of_hostname
from muster_server.store.migrate import migrate
from muster_server.store.people import admin_link
from muster_server.supervise import Child, Family

# Unit and site of each enrolment key that the demo's estate is handed: one that belongs nowhere would show little.
_DEMO_PLACES = (
    ("Response", "Northgate"),
    ("Response", "Southfield"),
    ("Neighbourhoods", "Northgate"),
    ("Neighbourhoods", "Westbridge"),
    ("Investigations", "Central"),
    ("Custody", "Southfield"),
    ("Control room", "Central"),
    ("Headquarters", "Central"),
)


_LONGEST_SEARCH_SECONDS = 120.0
_THIS_MACHINE = "muster up, this machine"


class NotReadyError(MusterError):
    """The server did not become ready."""


@dataclass(frozen=True)
class Wishes:
    """What the person at the launcher asked for."""

    agent: bool = True
    beside: str | None = None  # a command to run once beside the server, with enrolment keys in its environment


def up(settings: Settings, wishes: Wishes, *, say: Callable[[str], None]) -> None:
    """Start everything, watch over it, and end it on SIGINT, SIGTERM or when its terminal is closed."""
    stop = threading.Event()
    endings = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in endings}
    try:
        Launcher(settings, wishes, say=say).run(stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Launcher:
    """One run of `muster up`."""

    def __init__(self, settings: Settings, wishes: Wishes, *, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._wishes = wishes
        self._say = say
        self._family = Family(say)
        self._data_dir = Path(settings.data_dir).resolve()
        self._begun = time.monotonic()
        self._sought_since: float | None = None

    def run(self, stop: threading.Event) -> None:
        """Run until `stop` is set."""
        self._data_dir.mkdir(parents=True, exist_ok=True)
        redis = choose(self._settings)
        with claimed(self._as_running(redis)):
            usable_host(self._settings)
            try:
                database = self._start_all(redis, stop)
                while not stop.wait(0.5):
                    self._family.tend()
                    self._look_for_this_machine(database)
                stopping = time.monotonic()
                self._say("Stopping …")
            finally:
                self._family.end()
                if redis.socket is not None:
                    redis.socket.unlink(missing_ok=True)
        took = time.monotonic() - stopping
        self._say(f"Stopped after {took:.1f} s. The data stays in {_short(self._data_dir)}.")

    def _start_all(self, redis: Redis, stop: threading.Event) -> Database:
        self._say(f"Data in {_short(self._data_dir)}; store: {self._settings.store_url.split('://')[0]}.")
        secret_key(self._settings)
        database = Database(self._settings.store_url)
        migrate(database, now_ms())
        if redis.command is None:
            self._say(f"Using {redis.name}.")
            if not redis_answers(redis.url):
                self._say("  It does not answer. Reports are taken, and judged once it does.")
        else:
            self._say(f"Starting Redis: {redis.name}.")
            child = self._child("redis", redis.command, redis=redis)
            child.needed = True
            self._family.start(child)
        self._say("Starting web server, worker and beat.")
        self._family.start(self._child("web", [*_muster(), "serve"], redis=redis))
        celery = [sys.executable, "-m", "celery", "-A", "muster_server.queue"]
        count = str(self._settings.worker_processes)
        self._family.start(self._child("worker", [*celery, "worker", "-c", count, "-l", "warning"], redis=redis))
        schedule = str(self._data_dir / "beat-schedule")
        self._family.start(self._child("beat", [*celery, "beat", "-s", schedule, "-l", "warning"], redis=redis))
        self._wait_until_ready(stop)
        if not stop.is_set():
            self._start_guests(database, redis)
            self._tell_how_to_sign_in(database)
        return database

    def _start_guests(self, database: Database, redis: Redis) -> None:
        """The agent of this very machine, and whatever should run beside the server."""
        if self._wishes.agent:
            self._say("Starting the agent of this machine.")
            self._sought_since = time.monotonic()
            agent = self._child("agent", [sys.executable, "-m", "muster_agent", "run", "--now"], redis=redis)
            self._family.start(_with(agent, **self._agent_environment(database)))
        if self._wishes.beside:
            beside = self._child("beside", ["/bin/sh", "-c", f"exec {self._wishes.beside}"], redis=redis)
            beside.once = beside.shown = True
            places = _DEMO_PLACES if self._settings.demo else ((None, None),)
            keys = [_one_day_key(database, "muster up --beside", place=place, uses=100_000) for place in places]
            listed = [{"unit": unit, "site": site, "key": key} for (unit, site), key in zip(places, keys, strict=True)]
            written = msgspec.json.encode(listed).decode()
            self._family.start(_with(beside, MUSTER_FLEET_SERVER=local_url(self._settings), MUSTER_FLEET_KEYS=written))

    def _agent_environment(self, database: Database) -> dict[str, str]:
        state = self._data_dir / "agent"
        environment = {
            "MUSTER_AGENT_SERVER_URL": local_url(self._settings),
            "MUSTER_AGENT_STATE_DIR": str(state),
        }
        # Always with a key: should the store or the server's key have been lost, the agent enrols again by itself.
        with database.write() as connection:
            forget_keys(connection, _THIS_MACHINE)
        return {**environment, "MUSTER_AGENT_ENROLMENT_KEY": _one_day_key(database, _THIS_MACHINE, uses=10)}

    def _child(self, name: str, command: list[str], *, redis: Redis) -> Child:
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("MUSTER_")},
            "MUSTER_REDIS_URL": redis.url,
            "PYTHONUNBUFFERED": "1",
        }
        for field in self._settings.__struct_fields__:
            value = getattr(self._settings, field)
            if value is not None and field != "redis_url":
                environment[f"MUSTER_{field.upper()}"] = str(value)
        return Child(name, command, self._data_dir / "logs" / f"{name}.log", environment)

    def _as_running(self, redis: Redis) -> Running:
        return Running(
            pid=os.getpid(),
            began=psutil.Process().create_time(),
            address=self._settings.address,
            data_dir=str(self._data_dir),
            database_url=self._settings.store_url,
            redis_url=redis.url,
        )

    def _wait_until_ready(self, stop: threading.Event) -> None:
        begun = time.monotonic()
        while not stop.wait(0.2):
            self._family.tend()
            if answers_ready(self._settings):
                self._say(f"Started after {time.monotonic() - self._begun:.1f} s.")
                return
            if time.monotonic() - begun > 60:
                raise NotReadyError(
                    f"The web server is not ready after 60 s: see {self._data_dir / 'logs' / 'web.log'}"
                )

    def _tell_how_to_sign_in(self, database: Database) -> None:
        with database.write() as connection:
            secret = admin_link(connection, now_ms(), hours=24)
        address = self._settings.address
        self._say("")
        self._say(f"  Muster is at    {address}")
        self._say(f"  Sign in here    {address}/sign-in/{secret}")
        self._say("                  (good once, for 24 hours; `muster user link admin` makes another)")
        self._say("  Stop with       Ctrl-C")
        self._say("")

    def _look_for_this_machine(self, database: Database) -> None:
        """Say once when this machine is on the page and how it was judged, or where to look when it is not."""
        if self._sought_since is None:
            return
        took = time.monotonic() - self._sought_since
        try:
            with database.read() as connection:
                verdict = verdict_of_hostname(connection, socket.gethostname())
        except OperationalError:
            return
        if verdict is not None:
            reason = ", since too little is known of it yet" if verdict == "unknown" else ""
            self._say(f"This machine, {socket.gethostname()}, is on the page after {took:.0f} s: {verdict}{reason}.")
        elif took > _LONGEST_SEARCH_SECONDS:
            logs = _short(self._data_dir / "logs")
            self._say(f"This machine is not on the page after {took:.0f} s: see agent.log and worker.log in {logs}.")
        else:
            return
        self._sought_since = None


def _muster() -> list[str]:
    return [sys.executable, "-m", "muster_server.cli"]


def _one_day_key(
    database: Database, label: str, *, place: tuple[str | None, str | None] = (None, None), uses: int
) -> str:
    now = now_ms()
    unit, site = place
    terms = {"unit": unit, "site": site, "expires_at": now + DAY_MS, "uses_left": uses, "needs_approval": False}
    with database.write() as connection:
        return make_key(connection, label, now=now, terms=terms)


def _with(child: Child, **more: str) -> Child:
    child.environment = {**child.environment, **more}
    return child


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
