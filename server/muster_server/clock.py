"""The server's clock: the one place that reads it. Instants are integer milliseconds since 1970, UTC."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from functools import lru_cache

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def now_ms() -> int:
    """The present instant in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def to_datetime(instant_ms: int) -> datetime:
    """An aware UTC datetime of an instant in epoch milliseconds."""
    return datetime.fromtimestamp(instant_ms / 1000, tz=UTC)


def from_datetime(moment: datetime) -> int:
    """Epoch milliseconds of an aware datetime."""
    return round(moment.timestamp() * 1000)


def day_of(instant_ms: int) -> str:
    """The ISO date (UTC) in which an instant lies."""
    return _name_of_day(instant_ms // DAY_MS)


def day_start_ms(day: str) -> int:
    """The first instant of an ISO date (UTC)."""
    moment = datetime.combine(date.fromisoformat(day), datetime.min.time(), tzinfo=UTC)
    return from_datetime(moment)


def iso(instant_ms: int) -> str:
    """An instant as ISO 8601 with milliseconds and Z, as the API prints it."""
    return to_datetime(instant_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=1_024)
def _name_of_day(number: int) -> str:
    return to_datetime(number * DAY_MS).date().isoformat()
