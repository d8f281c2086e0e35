"""Folding and judging by the real jobs, and what pages and `/metrics` take, at two sizes of the estate.

The jobs run in this process on one core, as in the worker; PostgreSQL runs on the other. Pages are asked of a running
server by a signed-in viewer, one after the other.
"""

from __future__ import annotations

import argparse
import http.client
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NamedTuple

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from tests.bench import estate, harness, past, served

from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.jobs import fold, judge, snapshot, tasks
from muster_server.models import users
from muster_server.store import people

PAGES = ("/", "/devices", "/devices?order=hostname", "/devices/{uid}", "/replacements", "/coverage", "/metrics")
JOB_COLUMNS = ("store", "job", "what", "seconds", "a second", "CPU", "a CPU-second")
_PASSWORD_HASH = "nobody signs in by it"
assert tasks.log  # imported for the worker's settings of the garbage collector


class Size(NamedTuple):
    """How many devices more report, and for how many days."""

    devices: int
    days: int


def main() -> None:
    """Measure and print."""
    options = _options()
    harness.print_facts("Folding, judging and pages", _notes(options))
    jobs: list[list[Any]] = []
    pages: dict[tuple[str, str], list[float]] = {}
    for kind in options.stores:
        with ExitStack() as stack:
            (store,) = stack.enter_context(served.stores(lambda database: _seed(database, options), [kind]))
            url = stack.enter_context(store.copy())
            server = stack.enter_context(served.served(url))
            first = 0
            for size in options.sizes:
                jobs += _jobs(kind, url, first=first, size=size)
                first += size.devices
                for page, milliseconds in _pages(server.port, _cookie(url), times=options.runs).items():
                    pages.setdefault((kind, page), []).append(milliseconds)
    harness.print_table(JOB_COLUMNS, jobs)
    total, sizes = 0, []
    for size in options.sizes:
        total += size.devices
        sizes.append(f"{total:,} devices, ms")
    harness.print_table(("store", "page", *sizes), [[*place, *times] for place, times in pages.items()])


def _options() -> argparse.Namespace:
    parser = harness.parser("Folding, judging and pages", runs=20)
    parser.add_argument("--stores", nargs="+", choices=served.STORES, default=served.STORES)
    parser.add_argument("--devices", type=int, default=50_000, help="in the end; default 50,000")
    options = parser.parse_args()
    first = 2_000
    if options.quick:
        options.runs, options.devices, options.stores, first = 2, 60, ("sqlite",), 30
    options.sizes = (Size(first, 12), Size(options.devices - first, 1))
    return options


def _notes(options: argparse.Namespace) -> list[str]:
    few, many = options.sizes
    return [
        f"first {few.devices:,} devices with {few.days} days of one report a day, then {many.devices:,} more with one",
        "each device's newest report has all sections; titles come from 3,000 that the estate shares",
        "CPU: of the job alone, without PostgreSQL's; on SQLite a job rests as long as each of its transactions took",
        f"pages: medians of {options.runs} requests with the cookie of a viewer, whole answers read",
    ]


def _seed(database: Database, options: argparse.Namespace) -> None:
    estate.seed(database, options.devices, now=now_ms())
    with database.write() as connection:
        row = {"name": "bench", "role": "viewer", "password_hash": _PASSWORD_HASH, "created_at": now_ms()}
        connection.execute(users.insert().values(row))


def _jobs(kind: str, url: str, *, first: int, size: Size) -> list[list[Any]]:
    """Let the next devices report, then run the jobs over what there is; a row of the table each."""
    database, settings, now = Database(url), Settings(database_url=url), now_ms()
    taken = past.take_days(database, range(first, first + size.devices), days=size.days, now=now)
    whole = first + size.devices
    timed: list[tuple[str, str, Callable[[], int]]] = [
        ("fold", f"{taken:,} reports", lambda: fold.run(database, settings, now=now, seconds=3_600)),
        ("judge", f"{whole:,} devices, first time", lambda: judge.judge_all(database, settings, now=now)),
        ("judge", f"{whole:,} devices, nothing new", lambda: judge.judge_all(database, settings, now=now_ms())),
        ("snapshot", f"{whole:,} devices", lambda: snapshot.run(database, settings, now=now)),
    ]
    rows = []
    with harness.pinned(harness.cores()[0]):
        for job, what, run in timed:
            cpu, begun = time.process_time(), time.perf_counter()
            done = run()
            seconds = time.perf_counter() - begun
            cpu = time.process_time() - cpu
            rows.append([kind, job, what, seconds, done / seconds, f"{cpu / seconds:.0%}", done / cpu])
    database.close()
    return rows


def _pages(port: int, cookie: str, *, times: int) -> dict[str, float]:
    """Page -> median milliseconds; raises AssertionError when one does not answer 200."""
    found = {}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for page in PAGES:
        path = page.format(uid=estate.uid_of(0))
        took = []
        for _ in range(times + 1):
            begun = time.perf_counter()
            connection.request("GET", path, headers={"Cookie": cookie})
            answer = connection.getresponse()
            answer.read()
            took.append(1000 * (time.perf_counter() - begun))
            assert answer.status == 200, (path, answer.status, answer.headers.get("Location"))
        found[page] = harness.median(took[1:])  # the first one warms caches
    connection.close()
    return found


def _cookie(url: str) -> str:
    database = Database(url)
    with database.write() as connection:
        secret = people.open_session(connection, 1, now=now_ms())
    database.close()
    app = Flask("bench")
    app.secret_key = estate.KEY.encode()
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None
    return f"muster={signer.dumps({'session': secret})}"


if __name__ == "__main__":
    main()
