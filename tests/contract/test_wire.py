"""The wire: everything the agent builds is read by the server with nothing refused and no field lost."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.reading import RECEIVED, differences, lost, taken
from tests.fixtures.agent_report import LOSSES, VERSION, body_of
from tests.fixtures.machine import NAMES, Fixture

from muster_agent import identity
from muster_agent.config import Settings
from muster_agent.loop import preview
from muster_agent.machine import Machine
from muster_agent.report import Reporter, envelope
from muster_agent.sampler import Sampler
from muster_server.clock import now_ms
from muster_server.ingest import schema
from muster_server.ingest.decode import StoredReport


@pytest.mark.parametrize("name", NAMES)
def test_everything_from_a_fixture_machine_is_taken_with_no_field_lost(tmp_path: Path, name: str) -> None:
    body = body_of(Fixture(name, tmp_path), losses=LOSSES)

    stored = msgspec.json.decode(taken(body)[0].body, type=StoredReport)

    sent = json.loads(body)["reports"][0]
    assert lost(body) == []
    assert stored.sections.keys() == sent["sections"].keys()
    assert stored.outcomes.keys() == sent["outcomes"].keys()
    assert (stored.report_id, stored.hardware_hash) == (sent["report_id"], sent["hardware_hash"])
    assert stored.agent_version == VERSION


def test_everything_from_this_very_machine_is_taken_with_no_field_lost() -> None:
    body = json.dumps(preview(Settings(), Machine())).encode()

    taken(body, now_ms())

    assert lost(body) == []


def test_a_field_that_the_server_does_not_know_would_be_found() -> None:
    body = {"sent_at": "x", "reports": [{"report_id": f"{'0' * 32}:1", "schema": 1, "collected_at": "x"}]}
    body["reports"][0]["sections"] = {"restart": {"pending": True, "colour": "red"}}

    assert lost(json.dumps(body).encode()) == ["restart.colour: 'red' was read as UNSET"]


def test_a_report_is_placed_on_the_servers_time_line_by_the_clock_that_nobody_sets(tmp_path: Path) -> None:
    fixture = Fixture("laptop", tmp_path)
    sampler = Sampler(fixture.machine)
    reporter = Reporter(fixture.machine, Settings(), hardware_hash=None)
    fixture.wall_seconds -= 10 * 365 * 86_400  # ten years off
    report = reporter.build(f"{'0' * 32}:1", reporter.collect(), sampler=sampler)
    fixture.go(1_800, asleep=5_400)

    (decoded,) = taken(envelope(fixture.machine, VERSION, reports=[report]))

    assert RECEIVED - decoded.timing.corrected_at == 7_200_000
    assert decoded.timing.doubtful == 1


@pytest.mark.parametrize("name", NAMES)
def test_an_enrolment_is_read_with_no_field_lost(tmp_path: Path, name: str) -> None:
    fixture = Fixture(name, tmp_path)
    about = {
        "agent": {"version": VERSION, "platform": "linux"},
        "hardware": identity.hints(fixture.machine),
        "hostname": fixture.machine.hostname(),
        "key": "mk_sesame",
    }

    assert differences(about, msgspec.json.decode(json.dumps(about), type=schema.EnrolRequest)) == []


NONSENSE = st.one_of(
    st.binary(max_size=2_000),
    st.text(min_size=1, max_size=2_000).map(lambda text: text.encode("utf-8", "replace")),
    st.integers(-(10**40), 10**40).map(lambda number: str(number).encode()),
)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fixture]:
    return {name: Fixture(name, tmp_path_factory.mktemp("machines")) for name in NAMES}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NAMES), st.integers(0, 10**6), NONSENSE)
def test_nonsense_on_a_device_never_makes_the_server_refuse_a_section(
    machines: dict[str, Fixture], name: str, number: int, content: bytes
) -> None:
    fixture = machines[name]
    files = sorted(path for path in fixture.root.rglob("*") if path.is_file() and not path.is_symlink())
    file = files[number % len(files)]
    before = file.read_bytes()
    file.write_bytes(content)
    try:
        taken(body_of(fixture))
    finally:
        file.write_bytes(before)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["manager", "sign_in_screen", "units"]), st.text())
def test_nonsense_from_systemd_never_makes_the_server_refuse_a_section(
    machines: dict[str, Fixture], program: str, printed: str
) -> None:
    fixture = machines["laptop"]
    before = fixture.programs[program]
    fixture.programs[program] = printed
    try:
        taken(body_of(fixture))
    finally:
        fixture.programs[program] = before
