"""Judges the whole estate of a store over and over until SIGTERM, then prints how many devices, in how many seconds."""

from __future__ import annotations

import signal
import sys
import time
from typing import NoReturn

from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.jobs import judge, tasks
from muster_server.store.judging import mark_all_due

_PORTION_SECONDS = 0.5
assert tasks.log  # imported for the worker's settings of the garbage collector


class Stop(BaseException):
    """Raised by SIGTERM."""


def _stop(_number: int, _frame: object) -> NoReturn:
    raise Stop


def main() -> None:
    """`judging DATABASE_URL`."""
    settings = Settings(database_url=sys.argv[1])
    database = Database(settings.store_url)
    signal.signal(signal.SIGTERM, _stop)
    print("begun", flush=True)
    judged, begun = 0, time.monotonic()
    try:
        while True:
            done = judge.run(database, settings, now=now_ms(), seconds=_PORTION_SECONDS)
            judged += done
            if not done:
                with database.write() as connection:
                    mark_all_due(connection, now_ms())
    except Stop:
        print(judged, time.monotonic() - begun, flush=True)


if __name__ == "__main__":
    main()
