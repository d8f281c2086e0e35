"""A start that takes its time: half of it is never told as the whole, and the agent does not make it longer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.system.device import SERVICE, Device, new_device, slow_down, start_at_boot
from tests.system.outside import Row
from tests.system.test_start import analyzed_ms, only_start

from muster_server.models import devices, reports, starts

pytestmark = [pytest.mark.system, pytest.mark.timeout(240, func_only=True)]
HANGS_SECONDS = 20


class Slow(NamedTuple):
    """Two devices whose start hung for a while as their agents ran already, and what was known of them meanwhile."""

    eager: Device  # reports at once, as `run --now` does
    half: Row  # its start
    patient: Device  # waits, as the service does
    early: list[Row]  # it as a device


@pytest.fixture(scope="module")
def slow(debian_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slow]:
    """Both, switched on at the same time, looked at in the middle."""
    directory = tmp_path_factory.mktemp("slow")
    with ExitStack() as stack:
        eager = stack.enter_context(new_device(debian_root, directory, "eager", options="--now"))
        patient = stack.enter_context(new_device(debian_root, directory, "patient", options=""))
        for device in (eager, patient):
            slow_down(device.debian, "hanging.service", HANGS_SECONDS)
            start_at_boot(device.debian, SERVICE)
            device.debian.boot()
        (half,) = eager.outside.wait_for_rows(starts, lambda _: True)
        early = patient.outside.rows(devices)
        for device in (eager, patient):
            assert not device.debian.is_started(), "its start was over before anybody looked"
        yield Slow(eager, half, patient, early)


def test_a_half_start_is_told_without_marks_and_becomes_whole_in_its_own_row(slow: Slow) -> None:
    assert {slow.half[name] for name in ("to_settled_ms", "to_settled_quality", "userspace_ms", "culprits")} == {None}

    whole = only_start(slow.eager, seconds=120)  # it looks once a minute

    assert (whole["start_id"], whole["zero_at"]) == (slow.half["start_id"], slow.half["zero_at"])
    assert whole["to_settled_ms"] == analyzed_ms(slow.eager.debian) >= 1_000 * HANGS_SECONDS
    assert json.loads(whole["culprits"])[0]["name"] == "hanging.service"
    assert len(slow.eager.outside.rows(starts)) == 1


def test_a_young_start_is_left_alone_and_then_told_whole(slow: Slow) -> None:
    assert slow.early == []

    # Two minutes at most, so that devices that were switched on together do not report in one breath.
    slow.patient.outside.wait_for_rows(reports, lambda _: True, seconds=150)

    assert only_start(slow.patient)["to_settled_ms"] == analyzed_ms(slow.patient.debian)
    first = min(slow.patient.outside.rows(reports), key=lambda row: int(row["sequence"]))
    assert json.loads(first["body"])["sections"]["starts"][0]["to_settled_seconds"] >= HANGS_SECONDS
