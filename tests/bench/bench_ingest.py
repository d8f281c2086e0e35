"""Durable reports a second on one core, on SQLite and PostgreSQL, with a judging job beside and without.

The whole server (granian, tokens, gzip, schema, dedupe, 202 after fsync) is kept on one core; the load generator,
PostgreSQL, Redis and the judging job share the other. Afterwards every acknowledged report is read back from the store.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import select
from tests.bench import bodies, estate, generator, harness, past, served
from tests.e2e.programs import free_port, wait_for
from tests.e2e.wire import Client

from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.jobs import fold
from muster_server.models import reports


class Profile(NamedTuple):
    """What every request of a run holds."""

    name: str
    kind: bodies.Kind
    per_request: int
    most_requests_a_second: int  # so many are made before a run

    def make(self, path: Path, *, count: int, devices: int) -> str:
        """Write `count` requests; gives their mean sizes in words."""
        packed = inflated = 0

        def wires() -> Iterator[bytes]:
            nonlocal packed, inflated
            wanted = bodies.requests(
                self.kind, count=count, per_request=self.per_request, devices=devices, now=now_ms()
            )
            for request in wanted:
                packed += request.packed_bytes
                inflated += request.inflated_bytes
                yield request.wire

        generator.pack(path, wires())
        return f"{packed / count:,.0f} bytes on the wire, {inflated / count:,.0f} inflated"


PROFILES = (
    Profile("routine", "routine", 1, 8_000),
    Profile("full", "full", 1, 2_500),
    Profile("48 at once", "full", 48, 700),
)


class Measured(NamedTuple):
    """What one run brought."""

    reports_a_second: float
    cpu_ratio: float  # of the server's core
    store_cpu_ratio: float
    p50_ms: float
    p99_ms: float
    judged_a_second: float


class Cell(NamedTuple):
    """One line of the table."""

    store: str
    profile: Profile
    judging: bool


COLUMNS = (
    "store", "reports", "judging", "reports/s", "requests/s", "server CPU", "reports/CPU-s", "store CPU", "p50 ms",
    "p99 ms", "judged/s",
)  # fmt: skip


def main() -> None:
    """Measure, print, and end with 1 when a report that was acknowledged is not in the store."""
    options = _options()
    harness.print_facts("Ingest: durable reports a second on one core", _notes(options))
    cells = _cells(options)
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as place:
        requests = {}
        for profile in dict.fromkeys(cell.profile for cell in cells):
            path = requests[profile] = Path(place, f"{profile.name}.requests")
            count = max(1, round(profile.most_requests_a_second * options.seconds))
            sizes = profile.make(path, count=count, devices=options.devices)
            print(f"{profile.name}: {sizes}; {count:,} requests made", flush=True)
        _print_ceiling(next(iter(requests.values())), options)
        rows = []
        with served.stores(lambda database: _fill(database, options), options.stores) as stores:
            for cell in cells:
                store = next(store for store in stores if store.kind == cell.store)
                runs = [_run(store, requests[cell.profile], cell=cell, options=options) for _ in range(options.runs)]
                rows.append(_row(cell, runs))
    print("\nEvery acknowledged report was read back from its store.")
    harness.print_table(COLUMNS, rows)


def _options() -> argparse.Namespace:
    parser = harness.parser("Durable reports a second per core", runs=3, seconds=8)
    parser.add_argument("--devices", type=int, default=50_000, help="distinct devices and tokens; default 50,000")
    parser.add_argument("--connections", type=int, default=48, help="of the load generator; default 48")
    parser.add_argument("--stores", nargs="+", choices=served.STORES, default=served.STORES)
    parser.add_argument("--reports", nargs="+", choices=[profile.name for profile in PROFILES], help="default: all")
    parser.add_argument("--judged", type=int, default=2_000, help="devices judged beside it; default 2,000")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.runs, options.devices, options.judged, options.stores = 0.5, 1, 300, 20, ("sqlite",)
    return options


def _cells(options: argparse.Namespace) -> list[Cell]:
    if options.quick:
        return [Cell("sqlite", PROFILES[0], judging=True)]
    return [
        Cell(store, profile, judging)
        for store in options.stores
        for profile in PROFILES
        if not options.reports or profile.name in options.reports
        for judging in (False, True)
    ]


def _notes(options: argparse.Namespace) -> list[str]:
    mine, other = harness.cores()
    return [
        f"core {mine}: the server; core {other}: load ({options.connections} connections), PostgreSQL, Redis, judging",
        f"{options.devices:,} devices with tokens; their streams as after months of reports, 1.7 kB a row",
        "routine: use, disks, battery, restart and outcomes of 8 collectors, like 95 of 96 reports of a day",
        f"full: all sections with {bodies.TITLES} software titles; 48 at once: one full report and 47 routine ones",
        "PostgreSQL with Debian's settings, which fsync each commit, and analysed",
        f"judging: judge_all over {options.judged:,} devices, over and over",
        f"{options.runs} runs of {options.seconds:g} s; reports/CPU-s is what a core without neighbours would carry",
    ]


def _fill(database: Database, options: argparse.Namespace) -> None:
    """Devices that report, and behind them those that are judged: their past is folded already."""
    now = now_ms()
    estate.seed(database, options.devices + options.judged, now=now)
    judged = range(options.devices, options.devices + options.judged)
    past.take_days(database, judged, days=3 if options.quick else 12, now=now)
    fold.run(database, Settings(), now=now, seconds=600)


def _row(cell: Cell, runs: list[Measured]) -> list[Any]:
    rate = harness.median(run.reports_a_second for run in runs)
    return [
        cell.store,
        cell.profile.name,
        "yes" if cell.judging else "no",
        rate,
        rate / cell.profile.per_request,
        f"{harness.median(run.cpu_ratio for run in runs):.0%}",
        harness.median(run.reports_a_second / run.cpu_ratio for run in runs),
        f"{harness.median(run.store_cpu_ratio for run in runs):.0%}" if cell.store == "postgresql" else "-",
        harness.median(run.p50_ms for run in runs),
        harness.median(run.p99_ms for run in runs),
        harness.median(run.judged_a_second for run in runs) if cell.judging else "-",
    ]


def _run(store: served.Store, requests: Path, *, cell: Cell, options: argparse.Namespace) -> Measured:
    with store.copy() as url, served.served(url) as server:
        before = _stored_ids(url)
        with _judging(url if cell.judging else None) as judged:
            cpu, store_cpu = harness.cpu_seconds([server.process.pid]), harness.cpu_seconds(served.store_pids())
            run = _load(requests, server.port, options)
            cpu = harness.cpu_seconds([server.process.pid]) - cpu
            store_cpu = max(0.0, harness.cpu_seconds(served.store_pids()) - store_cpu)
        accepted = [i for answer in run.answers for i in json.loads(answer.partition(b"\r\n\r\n")[2])["accepted"]]
        _check(set(accepted), _stored_ids(url) - before, run)
    latencies = [1000 * seconds for seconds in run.latencies]
    return Measured(
        reports_a_second=len(accepted) / run.seconds,
        cpu_ratio=cpu / run.seconds,
        store_cpu_ratio=store_cpu / run.seconds,
        p50_ms=harness.percentile(latencies, 0.5),
        p99_ms=harness.percentile(latencies, 0.99),
        judged_a_second=judged[0] if judged else 0.0,
    )


def _load(requests: Path, port: int, options: argparse.Namespace) -> generator.Run:
    with tempfile.NamedTemporaryFile() as result:
        arguments = [str(requests), str(port), str(options.connections), str(options.seconds), result.name]
        with harness.pinned(harness.cores()[1]):
            subprocess.run([sys.executable, "-m", "tests.bench.generator", *arguments], check=True, cwd=harness.ROOT)
        return msgspec.msgpack.decode(Path(result.name).read_bytes(), type=generator.Run)


@contextmanager
def _judging(url: str | None) -> Iterator[list[float]]:
    """A judging job beside; when it ended the list holds its devices a second."""
    judged: list[float] = []
    if url is None:
        yield judged
        return
    command = [sys.executable, "-m", "tests.bench.judging", url]
    with harness.pinned(harness.cores()[1]):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=harness.ROOT)
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it has begun
        yield judged
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=60)
    count, seconds = said.splitlines()[-1].split()
    judged.append(float(count) / float(seconds))


def _stored_ids(url: str) -> set[str]:
    database = Database(url)
    with database.read() as connection:
        rows = connection.execute(select(reports.c.stream, reports.c.sequence))
        found = [f"{stream}:{sequence}" for stream, sequence in rows]
    database.close()
    if len(found) != len(set(found)):
        sys.exit("A report stands in the store twice.")
    return set(found)


def _check(acknowledged: set[str], stored: set[str], run: generator.Run) -> None:
    lost = acknowledged - stored
    if lost or run.refused:
        refused = run.refused[0][:300].decode("utf-8", "replace") if run.refused else ""
        sys.exit(f"{len(lost)} acknowledged reports are not in the store; {len(run.refused)} refused. {refused}")


def _print_ceiling(requests: Path, options: argparse.Namespace) -> None:
    """What the generator and granian do without Muster, and what an fsync costs."""
    port = free_port()
    with harness.pinned(harness.cores()[0]):
        command = [sys.executable, "-m", "tests.bench.noop", str(port)]
        process = subprocess.Popen(command, cwd=harness.ROOT, stderr=subprocess.DEVNULL)
    try:
        wait_for("server that does nothing", lambda: Client(port).status("/"))
        cpu = harness.cpu_seconds([process.pid])
        run = _load(requests, port, options)
        cpu = harness.cpu_seconds([process.pid]) - cpu
    finally:
        harness.stop(process)
    rate = len(run.answers) / run.seconds
    print(f"Ceiling: a server that does nothing answers {rate:,.0f} requests/s at {cpu / run.seconds:.0%} of its core;")
    print(f"the generator took {run.cpu_seconds / run.seconds:.0%} of the other. {_fsync()}", flush=True)


def _fsync() -> str:
    """How long this disk takes to keep 64 kB, about what one commit writes."""
    block, times = os.urandom(65_536), []
    with tempfile.NamedTemporaryFile(dir=served.disk()) as file:
        for _ in range(50):
            begun = time.perf_counter()
            os.pwrite(file.fileno(), block, 0)
            os.fdatasync(file.fileno())
            times.append(1000 * (time.perf_counter() - begun))
    return f"An fdatasync of 64 kB takes {harness.median(times):.2f} ms."


if __name__ == "__main__":
    main()
