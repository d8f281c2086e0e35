"""Nonsense in any log, key or device of Windows: no collector crashes, no figure comes out of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fixtures.windows_machine import WindowsFixture
from tests.fixtures.windows_pc import laptop

from muster_agent import identity
from muster_agent.collectors import COLLECTORS, run_collector

_VALUE = re.compile(r">([^<>]+)</(?:Data|EventID|EventRecordID)>|SystemTime='([^']*)'")
TEXT = st.one_of(
    st.text(max_size=40),
    st.integers(-(10**25), 10**25).map(str),
    st.floats().map(str),
    st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
    st.sampled_from(
        ["", "0", "true", "4294967295", "18446744073709551615", "1601-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
    ),
)
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**70), 2**70),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.lists(st.text(), max_size=2),
)


def collected(pc: WindowsFixture) -> dict[str, Any]:
    found = {}
    for collector in COLLECTORS:
        section, outcome = run_collector(pc.machine, collector)
        assert outcome["outcome"] in ("ok", "absent"), (collector.name, outcome)
        found[collector.name] = section
    json.dumps(found, allow_nan=False)
    return found


def durations(value: Any) -> Iterator[float]:
    """Every number of seconds in a section."""
    if isinstance(value, list):
        for part in value:
            yield from durations(part)
    elif isinstance(value, dict):
        for name, part in value.items():
            if name.endswith("seconds") and part is not None:
                yield part
            else:
                yield from durations(part)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), TEXT), min_size=1, max_size=6))
def test_nonsense_in_a_log_makes_no_duration_that_cannot_be(damages: list[tuple[int, int, str]]) -> None:
    pc = laptop()
    for which, place, text in damages:
        channel = sorted(pc.windows.logs)[which % len(pc.windows.logs)]
        rows = pc.windows.logs[channel]
        row = rows[which % len(rows)]
        spans = [match.span(1 if match[1] is not None else 2) for match in _VALUE.finditer(row)]
        begin, end = spans[place % len(spans)]
        rows[which % len(rows)] = row[:begin] + text + row[end:]

    found = collected(pc)

    for seconds in durations([found["starts"], found["sign_ins"]]):
        assert 0 <= seconds <= 7_200


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), VALUES), min_size=1, max_size=6))
def test_nonsense_in_the_registry_becomes_unknown(damages: list[tuple[int, int, Any]]) -> None:
    pc = laptop()
    for which, place, value in damages:
        key = sorted(pc.windows.registry)[which % len(pc.windows.registry)]
        values = pc.windows.registry[key]
        values[sorted(values)[place % len(values)]] = value

    collected(pc)
    identity.hints(pc.machine)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 3))
def test_nonsense_from_firmware_and_drivers_becomes_unknown(raw: bytes, which: int) -> None:
    pc = laptop()
    if which == 3:
        pc.windows.table = raw
    else:
        pc.windows.devices[sorted(pc.windows.devices)[which]] = raw

    collected(pc)
    identity.hints(pc.machine)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["screens", "desktops"]), st.floats(0, 2e9), st.floats(0, 2e9)), max_size=6))
def test_no_sightings_make_a_duration_that_cannot_be(sightings: list[tuple[str, float, float]]) -> None:
    pc = laptop()
    notes: dict[str, list[Any]] = {"screens": [], "desktops": []}
    for name, first, second in sightings:
        notes[name].append(first if name == "screens" else [first, second, False])
    pc.machine.notebook["seen"] = notes

    found = collected(pc)

    for seconds in durations([found["starts"], found["sign_ins"]]):
        assert 0 <= seconds <= 7_200
