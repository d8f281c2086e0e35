"""`muster doctor`: is every part there, and what to do where it is not."""

from __future__ import annotations

import http.client
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from kombu import Connection
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from muster_server.config import Settings
from muster_server.db import Database
from muster_server.errors import MusterError
from muster_server.store.migrate import check_migrated
from muster_server.store.operations import newest_runs

_LEAST_FREE_BYTES = 2**30
_JOB_AGE_MS = 5 * 60_000


class Result(NamedTuple):
    """What was checked, `ok` or `wrong`, and what was found or is to be done."""

    check: str
    state: str
    detail: str


def check_all(settings: Settings, now: int) -> list[Result]:
    """Every check, in the order in which one would mend things."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("disk", lambda: _disk(settings)),
        ("store", lambda: _store(settings)),
        ("redis", lambda: _redis(settings)),
        ("server", lambda: _server(settings)),
        ("jobs", lambda: _jobs(settings, now)),
    ]
    return [_result(name, check) for name, check in checks]


def _result(name: str, check: Callable[[], str]) -> Result:
    try:
        return Result(name, "ok", check())
    except MusterError as error:
        return Result(name, "wrong", str(error))


def _disk(settings: Settings) -> str:
    directory = Path(settings.data_dir)
    free = shutil.disk_usage(directory if directory.exists() else Path()).free
    if free < _LEAST_FREE_BYTES:
        raise MusterError(f"Only {free / 2**20:.0f} MiB are free for {directory}: make room.")
    return f"{free / 2**30:.0f} GiB free"


def _store(settings: Settings) -> str:
    database = Database(settings.store_url)
    try:
        check_migrated(database)
    finally:
        database.close()
    return f"{settings.store_url.split('://')[0]}, newest schema"


def redis_answers(url: str) -> bool:
    """Whether a Redis answers at `url` within 2 s."""
    quick = {"socket_timeout": 2, "socket_connect_timeout": 2}
    try:
        with Connection(url, transport_options=quick) as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
            channel: Any = connection.default_channel
            channel.client.ping()  # a frozen one accepts connections all the same
    except (OSError, RedisError, OperationalError):
        return False
    return True


def _redis(settings: Settings) -> str:
    if not settings.redis_url:
        raise MusterError("No Redis is named: start `muster up`, or set MUSTER_REDIS_URL.")
    if not redis_answers(settings.redis_url):
        raise MusterError("Redis does not answer: start it; reports are still taken, but not judged.")
    return "answers"


def _server(settings: Settings) -> str:
    address = urlsplit(settings.address)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=3)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read(1_000).decode(errors="replace")
    except OSError:
        raise MusterError(f"Nothing answers at {settings.address}: start `muster up` or `muster serve`.") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise MusterError(f"The server is not ready: {body}")
    return f"ready at {settings.address}"


def _jobs(settings: Settings, now: int) -> str:
    database = Database(settings.store_url)
    try:
        check_migrated(database)
        with database.read() as connection:
            runs = newest_runs(connection)
    finally:
        database.close()
    newest = max((run["ended_at"] for run in runs), default=None)
    if newest is None or now - newest > _JOB_AGE_MS:
        raise MusterError("No job ended in the last 5 minutes: start worker and beat (`muster up` does both).")
    return f"the last job ended {(now - newest) / 1000:.0f} s ago"
