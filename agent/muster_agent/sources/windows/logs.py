"""How far each event log was read.

Enters: a channel, a query, the position kept. Leaves: events, oldest record first. A log whose newest record is older
than the position was cleared, and is read from its beginning.
"""

from __future__ import annotations

from muster_agent.machine import Machine
from muster_agent.sources.windows.events import Event, parse_event


def newest_record(machine: Machine, channel: str) -> int:
    """The EventRecordID of the newest record, 0 when there is none; raises LogError."""
    return machine.windows.record_range(channel)[1]


def read_events(machine: Machine, log: tuple[str, str], *, after: int, most: int) -> list[Event]:
    """The newest events behind a position, which stands for `{after}` in the query; raises LogError.

    `log` is (channel, query). `most` bounds what a first run costs.
    """
    channel, query = log
    position = after if newest_record(machine, channel) >= after else 0
    texts = machine.windows.events(channel, query.format(after=position), most=most)
    events = [event for event in map(parse_event, reversed(texts)) if event is not None]
    return sorted(events, key=lambda event: event.record)
