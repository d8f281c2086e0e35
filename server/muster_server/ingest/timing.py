"""When a report was really collected, by the server's clock (design.md section 4, "Time").

Pure. Within one boot of the device the monotonic clock tells; otherwise the device's clock plus the skew seen. A clock
that cannot be believed never refuses a report: it is kept, marked, and takes the time at which it was received.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from muster_server.ingest.schema import Envelope, RawReport

# No agent ran before this: an earlier date is an unset clock, not an old fact.
EARLIEST_MS = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)


class Corrected(NamedTuple):
    """Epoch milliseconds by the server's clock; device clock minus server clock; 1 when the clock is not believed."""

    corrected_at: int
    skew_ms: int | None
    doubtful: int


def parse_instant(value: str) -> int | None:
    """Epoch milliseconds of an ISO 8601 instant with an offset; None when it is not one."""
    try:
        moment = datetime.fromisoformat(value)
        return None if moment.tzinfo is None else round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def correct(envelope: Envelope, report: RawReport, *, received_at: int) -> Corrected:
    """Place one report on the server's time line; never later than `received_at` (epoch ms)."""
    sent_at, collected_at = parse_instant(envelope.sent_at), parse_instant(report.collected_at)
    skew = None if sent_at is None else sent_at - received_at
    age = _age_within_boot(envelope, report)
    if age is not None:
        doubtful = collected_at is None or abs(collected_at - (received_at - age)) > 366 * 86_400_000
        return Corrected(received_at - age, skew, int(doubtful))
    if collected_at is None or skew is None:
        return Corrected(received_at, skew, 1)
    corrected = collected_at - skew
    if corrected < EARLIEST_MS or corrected > received_at + 60_000:
        return Corrected(received_at, skew, 1)
    return Corrected(min(corrected, received_at), skew, int(sent_at is not None and sent_at < EARLIEST_MS))


def _age_within_boot(envelope: Envelope, report: RawReport) -> int | None:
    sent, collected = envelope.monotonic_seconds, report.monotonic_seconds
    if sent is None or collected is None or not envelope.boot_id or envelope.boot_id != report.boot_id:
        return None
    return round((sent - collected) * 1000) if sent >= collected else None
