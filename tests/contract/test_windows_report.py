"""A Windows device's whole report, taken by the server: nothing refused, nothing that the wire does not know."""

from __future__ import annotations

import gzip
import json
from typing import Any

import msgspec
import pytest
from tests.fixtures.windows_logs import measured
from tests.fixtures.windows_machine import PERFORMANCE, WindowsFixture
from tests.fixtures.windows_pc import laptop

from muster_agent.config import Settings
from muster_agent.report import Reporter, envelope
from muster_agent.sampler import Sampler
from muster_server.ingest.decode import decode
from muster_server.ingest.schema import MAX_INFLATED_BYTES, MAX_WIRE_BYTES
from muster_server.ingest.sections import SECTIONS


def body(pc: WindowsFixture) -> bytes:
    """The first request of a device."""
    reporter, sampler = Reporter(pc.machine, Settings(), hardware_hash="ab" * 32), Sampler(pc.machine)
    sampler.sample()
    pc.go(60, cpu=10)
    sampler.sample()
    report = reporter.build("ab" * 16 + ":1", reporter.collect(), sampler=sampler)
    return envelope(pc.machine, "0.1.0", reports=[report])


@pytest.fixture
def sent() -> dict[str, Any]:
    """The sections of a whole laptop with a desktop that was timed."""
    pc = laptop()
    accepted = pc.wall_seconds - pc.elapsed_seconds + 75
    pc.machine.notebook["seen"] = {"screens": [accepted - 50], "desktops": [[accepted + 4, accepted + 2_704, True]]}
    found: dict[str, Any] = json.loads(body(pc))["reports"][0]["sections"]
    return found


def test_the_server_takes_every_section() -> None:
    (report,), refusals = decode(body(laptop()), 1_795_500_000_000)

    assert refusals == []
    assert set(msgspec.json.decode(report.body)["sections"]) == {
        "system", "hardware", "place", "starts", "sign_ins", "disks", "battery", "software", "restart", "use",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["system", "hardware", "place", "starts", "sign_ins", "disks", "battery", "software"])
def test_every_field_that_is_sent_is_a_field_of_the_wire(sent: dict[str, Any], name: str) -> None:
    taken = msgspec.to_builtins(msgspec.json.decode(msgspec.json.encode(sent[name]), type=SECTIONS[name]))

    assert _unknown(sent[name], taken) == []


def _unknown(given: Any, taken: Any, place: str = "") -> list[str]:
    """Fields with a value that the server would drop."""
    if isinstance(given, list):
        pairs = zip(given, taken, strict=True)
        return [
            name for number, (ours, theirs) in enumerate(pairs) for name in _unknown(ours, theirs, f"{place}{number}.")
        ]
    if not isinstance(given, dict):
        return []
    # A struct leaves its defaults out when it is written.
    said = {name: value for name, value in given.items() if value not in (None, [], False, 0, "unknown")}
    missing = [place + name for name in said if name not in taken]
    inner = [found for name in said if name in taken for found in _unknown(said[name], taken[name], f"{place}{name}.")]
    return missing + inner


def test_the_history_of_years_fits_into_one_request() -> None:
    pc = laptop()
    pc.windows.logs[PERFORMANCE] = [
        measured(pc.wall_seconds - 80_000 * number, number=1_000 - number) for number in range(1, 500)
    ]

    request = body(pc)

    assert len(request) < MAX_INFLATED_BYTES
    assert len(gzip.compress(request)) < MAX_WIRE_BYTES
    assert len(json.loads(request)["reports"][0]["sections"]["starts"]) == 400
