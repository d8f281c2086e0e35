"""Told to stop, the agent stops within two seconds, whatever it is at. The unit's own time limit keeps the watch."""

from __future__ import annotations

import pytest
from tests.e2e.programs import wait_for
from tests.system.device import SERVICE, Device

from muster_server.models import reports

pytestmark = [pytest.mark.system, pytest.mark.timeout(150, func_only=True)]


def boot(device: Device) -> None:
    device.debian.boot()
    device.debian.wait_until_started()
    device.start_agent()


def stop(device: Device) -> None:
    """Stop the service, and hold it to its word."""
    device.debian.run("systemctl", "stop", SERVICE)
    said = device.debian.journal("-u", SERVICE)
    assert f"{SERVICE}: Deactivated successfully." in said, "it was killed: it took longer than TimeoutStopSec"
    assert "Traceback" not in said


def is_connected(device: Device) -> bool:
    """Whether a connection stands (state 01) that was made inside."""
    lines = device.debian.run("cat", "/proc/net/tcp").stdout.splitlines()[1:]
    return any(line.split()[3] == "01" for line in lines)


def test_an_agent_at_rest_stops_and_keeps_what_it_counted_for_its_next_run(device: Device) -> None:
    boot(device)
    device.outside.wait_for_rows(reports, lambda _: True)
    wait_for("empty spool", lambda: not device.spooled())

    stop(device)

    assert len(device.spooled()) == 1
    device.start_agent()
    wait_for("empty spool", lambda: not device.spooled())


@pytest.mark.parametrize("device", [""], indirect=True, ids=["without --now"])
def test_an_agent_that_waits_for_a_young_start_stops(device: Device) -> None:
    boot(device)

    stop(device)

    assert device.outside.rows(reports) == []


def test_an_agent_whose_server_does_not_answer_stops(device: Device) -> None:
    device.outside.freeze()
    boot(device)
    wait_for("request on its way", lambda: is_connected(device))

    stop(device)

    assert len(device.spooled()) == 2  # the one on its way, and the last


def test_an_agent_that_waits_for_a_program_that_hangs_stops(device: Device) -> None:
    device.debian.write("/usr/sbin/systemctl", "#!/bin/sh\nexec sleep 60\n", 0o755)  # what the agent finds first
    device.debian.write("/usr/local/sbin/systemctl", '#!/bin/sh\nexec /usr/bin/systemctl "$@"\n', 0o755)
    boot(device)
    wait_for("program", lambda: device.debian.run("pidof", "sleep", check=False).returncode == 0)

    stop(device)
