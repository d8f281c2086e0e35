"""What the estate remembers between two runs: who its devices are to the server, and how far each has told its time.

One SQLite file in the data directory. What a report is made of stands there before the report goes on the wire, so that
the run after one that was killed sends the same bytes again.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from typing import NamedTuple

from tests.fleet.timeline import Timeline, history

_TABLES = """
CREATE TABLE IF NOT EXISTS estate (
    id INTEGER PRIMARY KEY, seed INTEGER, first_run_at INTEGER, timeline TEXT, reached INTEGER
);
CREATE TABLE IF NOT EXISTS devices (
    number INTEGER PRIMARY KEY, token TEXT, told_to INTEGER, wanted TEXT, wanted_in INTEGER
);
"""


class Estate(NamedTuple):
    """What holds for all devices. `reached` is the end of the newest window that ever went on the wire."""

    seed: int
    first_run_at: int
    timeline: Timeline
    reached: int


class Standing(NamedTuple):
    """How one device stands: `wanted` are the rare sections that its report number `wanted_in` tells."""

    token: str
    told_to: int
    wanted: tuple[str, ...]
    wanted_in: int


class State:
    """The file. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode = WAL").close()
        self._file.execute("PRAGMA synchronous = NORMAL").close()
        self._file.executescript(_TABLES)
        self._reached = 0

    def estate(self) -> Estate | None:
        """The estate of earlier runs, if there were any."""
        row = self._file.execute("SELECT seed, first_run_at, timeline, reached FROM estate").fetchone()
        if row is None:
            return None
        begins_at, by_day = json.loads(row[2])
        self._reached = row[3]
        return Estate(row[0], row[1], Timeline(begins_at, tuple(map(tuple, by_day))), row[3])

    def keep(self, estate: Estate) -> None:
        """Remember the estate."""
        timeline = json.dumps([estate.timeline.begins_at, estate.timeline.by_day])
        row = (estate.seed, estate.first_run_at, timeline, estate.reached)
        with self._lock:
            self._file.execute("INSERT OR REPLACE INTO estate VALUES (1, ?, ?, ?, ?)", row)
            self._reached = estate.reached

    def reach(self, ends_at: int) -> None:
        """Remember that a window that ends then is about to be sent."""
        with self._lock:
            if ends_at > self._reached:
                self._file.execute("UPDATE estate SET reached = ?", (ends_at,))
                self._reached = ends_at

    def standing(self, number: int) -> Standing | None:
        """How a device stands; None before it has enrolled."""
        with self._lock:
            query = "SELECT token, told_to, wanted, wanted_in FROM devices WHERE number = ?"
            row = self._file.execute(query, (number,)).fetchone()
        return None if row is None else Standing(row[0], row[1], tuple(json.loads(row[2])), row[3])

    def told_to(self) -> dict[int, int]:
        """How far each enrolled device has told its time."""
        return dict(self._file.execute("SELECT number, told_to FROM devices"))

    def stand(self, number: int, standing: Standing) -> None:
        """Remember how a device stands."""
        row = (number, standing.token, standing.told_to, json.dumps(standing.wanted), standing.wanted_in)
        with self._lock:
            self._file.execute("INSERT OR REPLACE INTO devices VALUES (?, ?, ?, ?, ?)", row)

    def forget(self, number: int) -> None:
        """Forget a device that the server does not know."""
        with self._lock:
            self._file.execute("DELETE FROM devices WHERE number = ?", (number,))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()


def go_on(state: State, now: int, *, seed: int, days: int) -> Estate:
    """The estate of earlier runs, what it missed since added to its time line, or a new one with so many days of past.

    An earlier run's seed and past stand.
    """
    estate = state.estate()
    if estate is None:
        timeline = history(now, days)
        estate = Estate(seed, now, timeline, timeline.by_day[-1][1])
    else:
        estate = estate._replace(timeline=estate.timeline.resumed(estate.reached, now))
    state.keep(estate)
    return estate
