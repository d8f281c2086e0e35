"""A Windows device's whole report, taken by the server: nothing refused, no field lost."""

from __future__ import annotations

import gzip
import json

import msgspec
from tests.contract.reading import lost, taken
from tests.fixtures.windows_logs import measured
from tests.fixtures.windows_machine import PERFORMANCE, WindowsFixture
from tests.fixtures.windows_pc import laptop

from muster_agent.config import Settings
from muster_agent.report import Reporter, envelope
from muster_agent.sampler import Sampler
from muster_server.ingest.schema import MAX_INFLATED_BYTES, MAX_WIRE_BYTES


def body(pc: WindowsFixture) -> bytes:
    """The first request of a device."""
    reporter, sampler = Reporter(pc.machine, Settings(), hardware_hash="ab" * 32), Sampler(pc.machine)
    sampler.sample()
    pc.go(60, cpu=10)
    sampler.sample()
    report = reporter.build("ab" * 16 + ":1", reporter.collect(), sampler=sampler)
    return envelope(pc.machine, "0.1.0", reports=[report])


def test_the_server_takes_every_section_with_no_field_lost() -> None:
    pc = laptop()
    accepted = pc.wall_seconds - pc.elapsed_seconds + 75
    pc.machine.notebook["seen"] = {"screens": [accepted - 50], "desktops": [[accepted + 4, accepted + 2_704, True]]}

    sent = body(pc)
    (report,) = taken(sent)

    assert lost(sent) == []
    assert set(msgspec.json.decode(report.body)["sections"]) == {
        "system", "hardware", "place", "starts", "sign_ins", "disks", "battery", "software", "restart", "use",
    }  # fmt: skip


def test_the_history_of_years_fits_into_one_request() -> None:
    pc = laptop()
    pc.windows.logs[PERFORMANCE] = [
        measured(pc.wall_seconds - 80_000 * number, number=1_000 - number) for number in range(1, 500)
    ]

    request = body(pc)

    assert len(request) < MAX_INFLATED_BYTES
    assert len(gzip.compress(request)) < MAX_WIRE_BYTES
    assert len(json.loads(request)["reports"][0]["sections"]["starts"]) == 400
