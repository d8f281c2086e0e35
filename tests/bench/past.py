"""Days of reports for some devices of a seeded estate, taken through the door's own code, so that jobs have work.

Enters: a seeded store. Leaves: reports in it that wait to be folded.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from tests.bench import bodies
from tests.bench.estate import HIGHEST, uid_of

from muster_server.clock import DAY_MS
from muster_server.db import Database
from muster_server.ingest.decode import decode
from muster_server.store.bulk import chunks
from muster_server.store.reports import Batch, take_batches

_TITLES_OF_THE_ESTATE = 3_000


def take_days(database: Database, devices: Iterable[int], *, days: int, now: int) -> int:
    """One report a day with its start for the last `days`, the first of a device with all sections; gives how many."""
    dice = random.Random(days)
    pool = bodies.titles(dice, _TITLES_OF_THE_ESTATE)
    taken = 0
    for some in chunks(list(devices), 100):
        with database.write() as connection:
            take_batches(connection, [_batch(dice, device, days=days, now=now, pool=pool) for device in some])
        taken += len(some) * days
    return taken


def _batch(dice: random.Random, device: int, *, days: int, now: int, pool: list[dict[str, Any]]) -> Batch:
    reports = []
    for day in range(days):
        kind: bodies.Kind = "daily" if day else "full"
        sequence, at = HIGHEST + days - day, (now, day * DAY_MS // 1000)
        reports.append(bodies.report(dice, device, sequence=sequence, at=at, kind=kind))
    reports[0]["sections"]["software"]["titles"] = dice.sample(pool, bodies.TITLES)
    decoded, refused = decode(bodies.envelope(reports, now), now)
    assert not refused, refused[:3]
    return Batch(uid_of(device), 1, now, decoded)
