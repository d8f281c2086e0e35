"""What the agent tells of a start is what systemd itself says of it."""

from __future__ import annotations

import json
import re

import pytest
from tests.system.debian import Debian
from tests.system.device import Device, slow_down
from tests.system.outside import Row

from muster_server.models import starts

pytestmark = [pytest.mark.system, pytest.mark.timeout(150, func_only=True)]
_UNITS_MS = {"min": 60_000, "s": 1_000, "ms": 1}


def test_a_start_in_the_store_is_what_systemd_analyze_says_to_the_millisecond(device: Device) -> None:
    slow_down(device.debian, "slow-settings.service", 2)
    device.debian.boot()
    device.debian.wait_until_started()
    device.start_agent()

    row = only_start(device)

    assert row["kind"] == "full"
    assert row["to_settled_quality"] == "measured"
    assert row["to_settled_ms"] == row["userspace_ms"] == analyzed_ms(device.debian)
    assert row["to_settled_ms"] == recorded_microseconds(device.debian) // 1_000
    assert row["to_settled_ms"] >= 2_000
    # Its zero is the instant at which userspace began, on the server's clock, which is this machine's.
    began = device.debian.run("systemctl", "show", "-pUserspaceTimestamp", "--value", "--timestamp=unix").stdout
    assert row["zero_at"] / 1_000 == pytest.approx(int(began.strip().lstrip("@")), abs=5)
    # In a container there is neither firmware nor loader nor a kernel's start to measure, and no desktop.
    assert {row[name] for name in ("firmware_ms", "loader_ms", "kernel_ms", "initrd_ms", "to_desktop_ms")} == {None}


def test_what_held_up_a_start_is_named_with_the_seconds_that_systemd_blames_it_for(device: Device) -> None:
    slow_down(device.debian, "slow-settings.service", 2)
    slow_down(device.debian, "slow-script.service", 3, stays=False)
    device.debian.boot()
    device.debian.wait_until_started()
    device.start_agent()

    named = json.loads(only_start(device)["culprits"])

    blamed = dict(re.findall(r"([\d.]+)s (slow-\S+)", device.debian.run("systemd-analyze", "blame").stdout))
    assert [(one["name"], one["kind"]) for one in named] == [
        ("slow-script.service", "unit"),
        ("slow-settings.service", "unit"),
    ]
    assert {f"{one['seconds']:.3f}": one["name"] for one in named} == blamed


def only_start(device: Device, seconds: float = 60.0) -> Row:
    """The one start of a device, once it is over and told."""
    (row,) = device.outside.wait_for_rows(starts, lambda row: row["to_settled_ms"] is not None, seconds)
    return row


def analyzed_ms(debian: Debian) -> int:
    """The userspace part of `systemd-analyze time`."""
    said = debian.run("systemd-analyze", "time").stdout
    (span,) = re.findall(r"Startup finished in (.*) \(userspace\)", said)
    parts = re.findall(r"([\d.]+)(min|ms|s)", span)
    return sum(round(float(number) * _UNITS_MS[unit]) for number, unit in parts)


def recorded_microseconds(debian: Debian) -> int:
    """The manager's own timestamps: the end of the start, less the beginning of userspace."""
    finish, userspace = (int(debian.show("", f"{name}TimestampMonotonic")) for name in ("Finish", "Userspace"))
    return finish - userspace
