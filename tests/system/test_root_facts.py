"""An agent without rights tells what root's own unit read for it: serials, and starts that the journal remembers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.agent.waiting import waiting_in
from tests.e2e.programs import wait_for
from tests.system.debian import Debian
from tests.system.device import SERVICE, STATE, Device, slow_down
from tests.system.outside import Row
from tests.system.test_start import analyzed_ms

from muster_agent.sources.root_facts import PATH
from muster_server.models import starts

pytestmark = [pytest.mark.system, pytest.mark.timeout(240, func_only=True)]
UNITS = Path(__file__).parents[2] / "agent" / "packaging" / "systemd"
FACTS = "muster-agent-facts"


def install_facts(debian: Debian) -> None:
    """What the package does: units, the group, the command where they expect it, and a journal that is kept."""
    for name in (f"{FACTS}.service", f"{FACTS}.timer"):
        debian.write(f"/usr/lib/systemd/system/{name}", (UNITS / name).read_text())
    debian.write(f"/usr/lib/sysusers.d/{FACTS}.conf", (UNITS / f"{FACTS}.sysusers.conf").read_text())
    debian.write("/usr/bin/muster-agent", '#!/bin/sh\nexec /usr/local/bin/muster-agent "$@"\n', 0o755)
    debian.write("/etc/systemd/journald.conf.d/keep.conf", "[Journal]\nStorage=persistent\n")


def as_daemon(debian: Debian, *command: str) -> Any:
    """What a command prints that runs as the daemon does: as nobody, in the group that may read the facts."""
    rights = ["-pDynamicUser=yes", "-pUser=muster-agent", f"-pSupplementaryGroups={FACTS}", "-pProtectSystem=strict"]
    return json.loads(debian.run("systemd-run", "--quiet", "--pipe", "--wait", *rights, "--", *command).stdout)


def told(body: Any, section: str) -> Any:
    return body["reports"][0]["sections"].get(section)


def live(device: Device) -> list[Row]:
    """The starts that the service told as they happened, oldest first."""
    return sorted(device.outside.rows(starts), key=lambda row: int(row["zero_at"]))


def wait_for_start(device: Device, number: int) -> None:
    """Wait until as many starts were told to their end."""
    wait_for("start told live", lambda: sum(row["to_settled_ms"] is not None for row in live(device)) == number, 60)


def test_history_is_what_was_measured_live_and_how_runs_ended_is_what_happened(device: Device) -> None:
    debian = device.debian
    install_facts(debian)
    slow_down(debian, "slow-settings.service", 2)
    debian.boot()
    debian.wait_until_started()
    measured = [analyzed_ms(debian)]
    device.start_agent()
    wait_for_start(device, 1)
    debian.reboot()
    measured.append(analyzed_ms(debian))
    device.start_agent()
    wait_for_start(device, 2)
    debian.reboot("--force", "--force")  # as when the power fails: nothing is stopped, nothing written
    measured.append(analyzed_ms(debian))

    debian.run("systemctl", "start", f"{FACTS}.service")
    history = told(as_daemon(debian, "muster-agent", "--config", "/dev/null", "show"), "starts")

    assert [round(1_000 * start["to_settled_seconds"]) for start in history] == measured
    assert [start.get("stop_before") for start in history] == [None, "clean", "unexpected"]
    assert [start["before_agent"] for start in history[:2]] == [True, True]
    rows = live(device)
    assert [row["start_id"] for row in rows] == [start["start_id"] for start in history[:2]]
    assert [row["to_settled_ms"] for row in rows] == measured[:2]
    assert [row["userspace_ms"] for row in rows] == [round(1_000 * start["userspace_seconds"]) for start in history[:2]]
    assert [row["stop_before"] for row in rows] == [None, "clean"]
    assert debian.path(f"{STATE}/identity.json").exists()


def test_roots_unit_writes_for_its_group_alone_reaches_no_network_and_holds_up_no_start(device: Device) -> None:
    debian = device.debian
    install_facts(debian)
    debian.boot()
    debian.wait_until_started()
    debian.run("systemctl", "start", f"{FACTS}.timer")

    debian.run("systemctl", "start", f"{FACTS}.service")

    modes = debian.run("stat", "-c", "%a %U %G", str(Path(PATH).parent), PATH).stdout.splitlines()
    assert modes == [f"750 root {FACTS}", f"640 root {FACTS}"]
    assert debian.run("cat", PATH, check=False, user="nobody").returncode != 0
    assert json.loads(debian.run("cat", PATH).stdout)["boots"][-1]["to_settled_seconds"] > 0
    assert debian.show(f"{FACTS}.service", "PrivateNetwork") == "yes"
    assert debian.show(f"{FACTS}.service", "Result") == "success"
    assert FACTS not in debian.show("multi-user.target", "After")
    said = debian.run("systemd-analyze", "verify", f"/usr/lib/systemd/system/{FACTS}.service", check=False)
    assert (said.returncode, said.stderr) == (0, "")


def test_facts_that_come_after_the_agent_are_in_its_next_report(device: Device) -> None:
    debian = device.debian
    install_facts(debian)
    debian.boot()
    debian.wait_until_started()
    debian.reboot()
    debian.write(
        f"/etc/systemd/system/{SERVICE}.d/nobody.conf",
        f"[Service]\nDynamicUser=yes\nUser=muster-agent\nSupplementaryGroups={FACTS}\n"
        "LoadCredential=config:/etc/muster-agent/config.toml\n"
        "ExecStart=\n"
        "ExecStart=/usr/local/bin/muster-agent --config ${CREDENTIALS_DIRECTORY}/config run --now\n",
    )
    debian.run("systemctl", "daemon-reload")
    device.start_agent()
    wait_for_start(device, 1)

    debian.run("systemctl", "start", f"{FACTS}.service")

    debian.run("systemctl", "stop", SERVICE)  # which makes one last report

    (last,) = waiting_in(debian.path("/var/lib/private/muster-agent/spool"))
    sections = last["sections"]
    assert [start.get("before_agent") for start in sections["starts"]] == [True, None]
    assert sections["starts"][1]["stop_before"] == "clean"
