"""A device's life: it restarts, is reinstalled, finds its server away, and its agent is told to stop."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from tests.e2e.programs import wait_for
from tests.system.device import SERVICE, STATE, Device
from tests.system.test_start import analyzed_ms, only_start

from muster_server.models import devices, starts

pytestmark = [pytest.mark.system, pytest.mark.timeout(150, func_only=True)]


def whole(row: dict[str, Any]) -> bool:
    return row["to_settled_ms"] is not None


def test_a_restart_is_a_second_start_of_the_same_device(device: Device) -> None:
    begin(device)
    first = only_start(device)

    device.debian.reboot()
    device.start_agent()
    (second,) = device.outside.wait_for_rows(starts, lambda row: whole(row) and row["start_id"] != first["start_id"])

    assert second["to_settled_ms"] == analyzed_ms(device.debian)
    assert second["zero_at"] > first["zero_at"] + first["to_settled_ms"]
    assert second["device_id"] == first["device_id"]
    assert len(device.outside.rows(starts)) == 2


def test_a_reinstalled_agent_is_the_same_device_in_its_second_generation(device: Device) -> None:
    begin(device)
    told = only_start(device)
    (before,) = device.outside.rows(devices)

    device.debian.run("systemctl", "stop", SERVICE)
    shutil.rmtree(device.debian.path(STATE))
    device.start_agent()
    (after,) = device.outside.wait_for_rows(devices, lambda row: row["generation"] == 2)
    wait_for("empty spool", lambda: device.spooled() == [] and "Enrolled" in device.debian.journal("-u", SERVICE))

    assert (after["uid"], after["machine_hash"]) == (before["uid"], before["machine_hash"])
    assert after["reinstalled_at"] > before["enrolled_at"]
    assert [row["start_id"] for row in device.outside.rows(starts)] == [told["start_id"]]


def test_a_start_while_the_server_is_away_waits_on_disk_and_arrives(device: Device) -> None:
    begin(device)
    first = only_start(device)
    device.outside.stop()
    device.debian.run("ln", "-s", f"../{SERVICE}", f"/etc/systemd/system/multi-user.target.wants/{SERVICE}")

    device.debian.reboot()
    wait_for("waiting report", device.spooled)
    wait_for("word of it", lambda: "Connection refused" in device.debian.journal("-b", "-u", SERVICE))

    device.outside.start()
    (second,) = device.outside.wait_for_rows(starts, lambda row: whole(row) and row["start_id"] != first["start_id"])
    assert second["to_settled_ms"] == analyzed_ms(device.debian)
    wait_for("empty spool", lambda: not device.spooled())


def begin(device: Device) -> None:
    """Boot, and start the agent."""
    device.debian.boot()
    device.debian.wait_until_started()
    device.start_agent()
