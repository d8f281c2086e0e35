"""How long the read API takes over a large estate: each question's median and slowest, in one process, on SQLite.

`--devices 300000 --plans` for more, with the query plans.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from flask import Flask
from sqlalchemy import Connection, Table, event, insert
from tests.bench import harness

from muster_server import create_app
from muster_server.clock import DAY_MS, HOUR_MS, day_of, now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.encoding import canonical
from muster_server.health.findings import Evidence, Finding
from muster_server.ids import new_uid
from muster_server.models import (
    assessments,
    device_days,
    device_sections,
    device_software,
    device_state,
    devices,
    flags,
    software_titles,
    starts,
    verdicts,
)
from muster_server.store.migrate import migrate
from muster_server.store.people import create_token

NOW = now_ms()
SUGGESTS = ("fix", "upgrade", "replace")
TITLES = 20_000
TITLES_EACH = 2_000
# Devices with starts, days and software: enough for their tables to be deep, few enough to be seeded in seconds.
DEEP = 500
_random = random.Random(20)


def finding(number: int) -> Finding:
    """One of six findings, as large as real ones."""
    read = Evidence(label="Median start", value=140.5, unit="seconds", threshold=120.0, samples=12, newest_at=NOW)
    return Finding(
        rule_id=f"rule_{number}",
        version=1,
        title="Slow start",
        state="over" if number == 0 else "under",
        suggests="fix",
        weight=1.0,
        sentence="Median start: 140.5 s (limit 120 s).",
        clears="The median of its starts falls under 100 s.",
        evidence=[read] * 4,
    )


FINDINGS = [finding(number) for number in range(6)]
ALL_FINDINGS, ONE_FINDING = canonical(FINDINGS), canonical(FINDINGS[0])
MINUTES = canonical({**{name: [60] * 12 for name in ("cpu", "memory", "disk")}, "memory_pressure": [[60] * 4] * 4})


def each_device(count: int) -> Iterator[tuple[Table, dict[str, Any]]]:
    """Rows of `count` devices: what lists read of all, what a device's answer reads of the first DEEP."""
    for n in range(1, count + 1):
        verdict = _random.choice(("keep", "keep", "keep", "fix", "upgrade", "replace", "unknown"))
        known = {
            "unit": f"Unit {n % 40}",
            "site": f"Site {n % 200}",
            "unit_source": "register",
            "approved": n % 100 != 0,
        }
        yield devices, {"id": n, "uid": new_uid(NOW), "generation": 1, "enrolled_at": NOW, **known}
        yield (
            device_state,
            {
                "device_id": n,
                "reported_at": NOW - _random.randrange(40 * DAY_MS),
                "hostname": f"pc-{_random.randrange(10 * count):07}",
                "device_class": _random.choice(("laptop", "desktop", "tablet")),
                "model": f"Model {n % 60}",
                "serial": f"S{n:08}",
                "os_name": f"System {n % 7}",
                "last_start_ms": _random.randrange(20_000, 300_000),
                "disk_free_ratio": _random.random(),
            },
        )
        stands = {"verdict": verdict, "judged_ratio": 0.9, "leading_rule": "rule_0"}
        yield verdicts, {"device_id": n, **stands, "assessment_id": n, "judged_at": NOW - _random.randrange(DAY_MS)}
        evidence = {
            "findings": ALL_FINDINGS,
            "signals": '{"start_median_ms":140500}',
            "policy_sha256": "0",
            "ruleset": "0",
        }
        yield assessments, {"id": n, "device_id": n, "as_of": NOW, "verdict": verdict, "judged_ratio": 0.9, **evidence}
        if verdict in SUGGESTS:
            raised = {"suggests": verdict, "raised_at": NOW, "evidence": ONE_FINDING}
            yield flags, {"device_id": n, "rule_id": f"rule_{n % 6}", **raised}


def each_deep_row(count: int) -> Iterator[tuple[Table, dict[str, Any]]]:
    """90 days, 90 starts, 2,000 titles and six sections of each of `count` devices."""
    for n in range(1, count + 1):
        for day in range(90):
            at = NOW // DAY_MS * DAY_MS - day * DAY_MS
            yield device_days, {"device_id": n, "day": day_of(at), "day_at": at, "minutes": MINUTES}
            zero = {"start_id": f"{n:016}{day:016}", "zero_at": at + 8 * HOUR_MS, "first_received_at": at}
            marks = {"to_settled_ms": 140_500, "to_settled_quality": "measured", "before_agent": False}
            yield starts, {"device_id": n, "kind": "full", **zero, **marks, "after_update": False}
        listed = [[title, None] for title in _random.sample(range(1, TITLES + 1), TITLES_EACH)]
        told = {"fact_at": NOW, "title_count": TITLES_EACH, "more_titles": 0}
        yield device_software, {"device_id": n, "titles": canonical(listed), **told}
        for name in ("system", "hardware", "restart"):
            body = '{"pending":false}' if name == "restart" else "{}"
            yield device_sections, {"device_id": n, "section": name, "fact_at": NOW, "body": body}


def seed(connection: Connection, count: int) -> None:
    """Write the whole estate."""
    names = (("dpkg", f"package-{n:05}", "1.0", "") for n in range(TITLES))
    titles = [dict(zip(("source", "name", "version", "publisher"), row, strict=True)) for row in names]
    connection.execute(insert(software_titles), titles)
    write(connection, each_device(count))
    write(connection, each_deep_row(min(DEEP, count)))


def write(connection: Connection, rows: Iterable[tuple[Table, dict[str, Any]]]) -> None:
    """Insert mixed rows, a table at a time within portions."""
    source = iter(rows)
    while portion := list(islice(source, 50_000)):
        by_table: dict[Table, list[dict[str, Any]]] = {}
        for table, row in portion:
            by_table.setdefault(table, []).append(row)
        for table in (devices, *(each for each in by_table if each is not devices)):  # others refer to it
            if table in by_table:
                connection.execute(insert(table), by_table[table])


QUESTIONS = (
    "/devices?limit=100",
    "/devices?limit=100&sort=reported&order=desc",
    "/devices?limit=100&sort=start&order=desc",
    "/devices?limit=1000&sort=verdict",
    "/devices?limit=100&verdict=replace",
    "/devices?limit=100&unit=Unit 7",
    "/devices?limit=100&rule=rule_3",
    "/devices?limit=100&silent_days=30",
    "/devices?limit=100&text=000",
    "/replacements?limit=100",
    "/replacements?limit=100&unit=Unit 7",
    "/devices/{uid}",
    "/devices/{uid}/software?limit=1000",
    "/devices/{uid}/assessment",
)


class Watch:
    """The statements that a store's engine executes."""

    def __init__(self, database: Database) -> None:
        self.statements: list[tuple[str, Any]] = []
        event.listen(database.engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            self.statements.append((statement, parameters))


class Asker:
    """Asks questions as a program with an API token, each a number of times, and keeps a row of the table each."""

    def __init__(self, app: Flask, token: str, *, times: int) -> None:
        self.rows: list[list[Any]] = []
        self.watch = Watch(app.extensions["muster"].database)
        self._client = app.test_client()
        self._bearer = {"Authorization": f"Bearer {token}"}
        self._times = times

    def ask(self, question: str) -> None:
        """One question; of a list its next part too."""
        told = self._timed(question, question)
        if told.get("next"):
            self._timed(f"{question} (next part)", f"{question}&after={told['next']}")

    def _timed(self, name: str, question: str) -> Any:
        took = []
        for _ in range(self._times):
            self.watch.statements.clear()
            begun = time.perf_counter()
            answer = self._client.get(f"/api/v1{question}", headers=self._bearer)
            took.append(1000 * (time.perf_counter() - begun))
            assert answer.status_code == 200, answer.text
        queries, size = len(self.watch.statements), len(answer.data) / 1000
        self.rows.append([name, harness.median(took), max(took), queries, size])
        return answer.json


def explain(app: Flask, watch: Watch) -> None:
    """Print how SQLite would go about the statements of the last question."""
    with app.extensions["muster"].database.read() as connection:
        for statement, parameters in list(watch.statements):
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
                print("    ", row.detail)


def main() -> None:
    """Seed a store, ask every question, print milliseconds."""
    parser = harness.parser("The read API over a large estate", runs=15)
    parser.add_argument("--devices", type=int, default=50_000, help="default 50,000")
    parser.add_argument("--plans", action="store_true", help="print how SQLite goes about each question")
    options = parser.parse_args()
    if options.quick:
        options.devices, options.runs = 60, 1
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as directory:
        database = Database(Settings(data_dir=directory).store_url)
        migrate(database, NOW)
        with database.write() as connection:
            seed(connection, options.devices)
            token = create_token(connection, "bench", role="viewer", days=1)
            uid = connection.scalar(devices.select().with_only_columns(devices.c.uid).where(devices.c.id == 7)) or ""
        notes = [f"{options.devices:,} devices on SQLite, in one process; {options.runs} times each"]
        harness.print_facts("The read API", notes)
        app = create_app(Settings(data_dir=directory))
        asker = Asker(app, token, times=options.runs)
        for question in QUESTIONS:
            asker.ask(question.format(uid=uid))
            if options.plans:
                explain(app, asker.watch)
        harness.print_table(("question", "median ms", "slowest ms", "queries", "kB"), asker.rows)
        app.extensions["muster_door"].writer.stop()


if __name__ == "__main__":
    main()
