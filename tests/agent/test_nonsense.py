"""Nonsense in any file that the agent reads, or from any program: no collector crashes, no figure comes out of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.fixtures.journal import Past, keep_journal
from tests.fixtures.machine import Fixture

from muster_agent import identity
from muster_agent.collectors import COLLECTORS, run_collector

NONSENSE = st.one_of(
    st.binary(max_size=400),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
    st.integers(-(10**40), 10**40).map(lambda number: str(number).encode()),
    st.floats().map(lambda number: str(number).encode()),
)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fixture]:
    made = {name: Fixture(name, tmp_path_factory.mktemp("machines")) for name in ("laptop", "desktop", "tablet")}
    now = made["laptop"].wall_seconds
    usec = {"kernel": 1_000_000, "userspace": 9_000_000}
    keep_journal(made["laptop"], [Past(number, now - 1_000 * (9 - number), usec) for number in range(1, 9)])
    return made


def files_of(fixture: Fixture) -> list[Path]:
    return sorted(path for path in fixture.root.rglob("*") if path.is_file() and not path.is_symlink())


def collected(fixture: Fixture) -> dict[str, Any]:
    found = {}
    fixture.machine.notebook.clear()
    for collector in COLLECTORS:
        section, outcome = run_collector(fixture.machine, collector)
        assert outcome["outcome"] in ("ok", "absent", "failed")
        # What fails here must be what is no text of a system file, never a slip of ours.
        assert (outcome["problem"] or "ValueError").partition(":")[0] in ("ValueError", "FileNotFoundError")
        found[collector.name] = section
    return found


def figures(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from figures(part)
    elif isinstance(value, int | float):
        yield value


def holds_nul(value: Any) -> bool:
    """Whether a NUL stands in any text of a value that was JSON."""
    if isinstance(value, dict):
        return any(map(holds_nul, [*value, *value.values()]))
    return any(map(holds_nul, value)) if isinstance(value, list) else "\x00" in str(value)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["laptop", "desktop", "tablet"]), st.integers(0, 10**6), NONSENSE)
@example("laptop", 0, b"\x00" * 10)
@example("laptop", 0, b"9" * 6_000)
@example("tablet", 2, b"\\u0000")
def test_nonsense_in_a_file_becomes_unknown(
    machines: dict[str, Fixture], name: str, number: int, content: bytes
) -> None:
    fixture = machines[name]
    files = files_of(fixture)
    file = files[number % len(files)]
    before = file.read_bytes()
    file.write_bytes(content)
    try:
        found = collected(fixture)
        identity.hints(fixture.machine)
    finally:
        file.write_bytes(before)

    assert not holds_nul(json.loads(json.dumps(found, allow_nan=False)))
    assert all(math.isfinite(figure) and 0 <= figure <= 2**60 for figure in figures(found))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["manager", "sign_in_screen", "units", "boots", "finished", "stopped"]), st.text())
def test_nonsense_from_a_program_becomes_unknown(machines: dict[str, Fixture], program: str, printed: str) -> None:
    fixture = machines["laptop"]
    before = fixture.programs[program]
    fixture.programs[program] = printed
    try:
        found = collected(fixture)
    finally:
        fixture.programs[program] = before

    assert all(math.isfinite(figure) and 0 <= figure <= 2**60 for figure in figures(found))
