"""Which reports a device makes: spans of time, each with its sequence. Pure, so that a report is the same when resent.

An agent that is offline for long keeps one report a day of that time and the newest in full. `by_day` holds the spans
that are told by the day; everything else is told by quarters of an hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from tests.fleet.life import DAY, MINUTE

QUARTER = 15 * MINUTE
FULL_DAYS = 2  # of the newest time, told in full


class Window(NamedTuple):
    """The span of one report, in epoch milliseconds."""

    sequence: int
    begins_at: int
    ends_at: int


@dataclass(frozen=True)
class Timeline:
    """From `begins_at` on without end."""

    begins_at: int
    by_day: tuple[tuple[int, int], ...]

    def windows(self, after: int, until: int) -> Iterator[Window]:
        """Reports of the time from `after` (the end of a window, or `begins_at`) that are complete at `until`."""
        before = 0
        for begins_at, ends_at, step in self._stretches(until):
            count = max(0, ends_at - begins_at) // step
            told = min(count, max(0, after - begins_at) // step)
            for place in range(told, min(count, max(0, until - begins_at) // step)):
                at = begins_at + place * step
                yield Window(before + place + 1, at, at + step)
            before += count

    def resumed(self, stopped_at: int, now: int) -> Timeline:
        """The same after a pause: what is older than the newest days will be told by the day."""
        days = (now - FULL_DAYS * DAY - stopped_at) // DAY
        if days < 1:
            return self
        return replace(self, by_day=(*self.by_day, (stopped_at, stopped_at + days * DAY)))

    def _stretches(self, until: int) -> Iterator[tuple[int, int, int]]:
        at = self.begins_at
        for begins_at, ends_at in self.by_day:
            yield at, begins_at, QUARTER
            yield begins_at, ends_at, DAY
            at = ends_at
        yield at, max(at, until), QUARTER


def history(now: int, days: int) -> Timeline:
    """The time line of agents that were offline until now: so many days told by the day, then the newest in full."""
    full_from = now // QUARTER * QUARTER - FULL_DAYS * DAY
    begins_at = full_from - days * DAY
    return Timeline(begins_at, ((begins_at, full_from),))
