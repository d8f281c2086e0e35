"""Judges a whole estate over and over until it is told to stop, then prints how many devices it judged."""

from __future__ import annotations

import signal
import sys
import time
from typing import NoReturn

from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.jobs import judge


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
            judged += judge.judge_all(database, settings, now=now_ms())
    except Stop:
        print(judged, time.monotonic() - begun, flush=True)


if __name__ == "__main__":
    main()
