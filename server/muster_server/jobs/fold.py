"""The fold job: reports that were received and not folded become facts.

Enters: the store. Leaves: the number of reports folded. One fold runs at a time; a transaction takes as many whole
reports as fit 1,000 rows; a report that cannot be folded is marked, counted and shown on its device, and the others go
on.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec
import structlog

from muster_server.clock import DAY_MS
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.encoding import canonical
from muster_server.fold.facts import Horizon
from muster_server.fold.report import Received, fold_report, read
from muster_server.fold.state import finish
from muster_server.jobs.chunks import work_off
from muster_server.models import device_sections
from muster_server.store.bulk import MAX_ROWS, Bulk, upsert
from muster_server.store.folding import (
    Reach,
    add_titles,
    count_up,
    load_facts,
    mark_folded,
    unfolded,
    unknown_titles,
    write_facts,
)

_READ_REPORTS = 1_500
_LONGEST_RUN_SECONDS = 20.0
FACT_DAYS = 396  # 13 months

log = structlog.get_logger()


def run(database: Database, settings: Settings, *, now: int, seconds: float = _LONGEST_RUN_SECONDS) -> int:
    """Fold what waits, for at most about `seconds`; gives how many reports were folded (0 if another fold runs)."""
    done = 0
    ends = time.monotonic() + seconds
    with database.exclusive("fold") as alone:
        if not alone:
            return 0
        fold = _Fold(database, settings, now=now)
        while time.monotonic() < ends:
            with database.read() as connection:
                waiting = unfolded(connection, _READ_REPORTS)
            if not waiting:
                break
            fold.work_off(waiting)
            done += len(waiting)
    return done


class _Fold:
    """One run of the job."""

    def __init__(self, database: Database, settings: Settings, *, now: int) -> None:
        self._database = database
        self._bulk = Bulk(database)
        self._now = now
        self._horizon = Horizon(
            use_hours_from=now - settings.use_hour_days * DAY_MS, facts_from=now - FACT_DAYS * DAY_MS
        )

    def work_off(self, rows: list[Any]) -> None:
        waiting = [received for row in rows if (received := self._read(row)) is not None]
        waiting.sort(key=lambda received: (received.device_id, received.id))
        for portion in _portions(waiting, self._horizon):
            work_off(portion, self._fold, failed=self._give_up_folding)

    def _read(self, row: Any) -> Received | None:
        try:
            return read(row)
        except msgspec.DecodeError as error:  # stored by another version of Muster
            self._give_up(row, error, report_id=f"{row.stream}:{row.sequence}")
            return None

    def _fold(self, portion: Sequence[Received]) -> None:
        reach = _reach(portion)
        with self._database.read() as connection:
            facts = load_facts(connection, reach)
        for received in portion:
            fold_report(facts[received.device_id], received, horizon=self._horizon)
        for of_device in facts.values():
            finish(of_device)
        self._number_titles(title for f in facts.values() if f.software for title in f.software.titles)
        with self._bulk.transaction() as connection:
            write_facts(connection, facts.values(), report_ids=[received.id for received in portion], now=self._now)

    def _number_titles(self, titles: Iterable[Any]) -> None:
        with self._database.read() as connection:
            new = unknown_titles(connection, titles)
        for begin in range(0, len(new), MAX_ROWS):
            with self._bulk.transaction() as connection:
                add_titles(connection, new[begin : begin + MAX_ROWS])

    def _give_up_folding(self, received: Received, error: Exception) -> None:
        self._give_up(received, error, report_id=received.report.report_id)

    def _give_up(self, received: Any, error: Exception, *, report_id: str) -> None:
        log.error("A report cannot be folded.", report=received.id, device=received.device_id, error=repr(error)[:300])
        body = canonical({"report_id": report_id, "problem": type(error).__name__})
        row = {"device_id": received.device_id, "section": "fold", "fact_at": received.corrected_at, "body": body}
        with self._bulk.transaction() as connection:
            mark_folded(connection, [received.id], now=self._now)
            upsert(connection, device_sections, rows=[row])
            count_up(connection, "reports_not_folded", count=1)


def _portions(in_order: list[Received], horizon: Horizon) -> Iterator[list[Received]]:
    """Whole reports whose facts fit one transaction of MAX_ROWS rows."""
    portion: list[Received] = []
    keys: set[tuple[Any, ...]] = set()
    for _, of_device in groupby(in_order, key=lambda received: received.device_id):
        for received in of_device:
            more = set(_row_keys(received, horizon)) - keys
            if portion and len(keys) + len(more) > MAX_ROWS:
                yield portion
                portion, keys = [], set()
                more = set(_row_keys(received, horizon))
            portion.append(received)
            keys |= more
    if portion:
        yield portion


def _row_keys(received: Received, horizon: Horizon) -> Iterator[tuple[Any, ...]]:
    device = received.device_id
    yield (device, "state")
    yield (device, "report", received.id)
    yield (device, received.corrected_at // DAY_MS)
    for name in received.content:
        yield (device, name)
    for _, start in received.starts:
        yield (device, "start", start.start_id)
    for _, sign_in in received.sign_ins:
        yield (device, "sign-in", sign_in.sign_in_id)
    for hour_at, _ in received.hours:
        yield (device, hour_at // DAY_MS)
        if hour_at >= horizon.use_hours_from:
            yield (device, "hour", hour_at)


def _reach(portion: Sequence[Received]) -> Reach:
    instants = [
        at
        for received in portion
        for at in (received.corrected_at, *(at for at, _ in received.starts), *(at for at, _ in received.hours))
    ]
    return Reach(
        device_ids=sorted({received.device_id for received in portion}),
        start_ids=[start.start_id for received in portion for _, start in received.starts],
        sign_in_ids=[sign_in.sign_in_id for received in portion for _, sign_in in received.sign_ins],
        begins_at=min(instants) - DAY_MS,
        ends_at=max(instants) + DAY_MS,
    )
