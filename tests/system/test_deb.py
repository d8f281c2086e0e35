"""The Debian package, installed in a Debian by its dpkg: what it starts, what an upgrade keeps, what purging leaves."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bench.harness import ROOT
from tests.system.device import SERVICE, Device, bare_device

from muster_server.models import device_state, devices

pytestmark = [pytest.mark.system, pytest.mark.timeout(170, func_only=True)]
FACTS = "/run/muster-agent-facts/facts.json"
# The package waits a while after a start before it reports, which a test does not.
AT_ONCE = "[Service]\nExecStart=\nExecStart=/usr/bin/muster-agent run --now\n"


def build(directory: Path, *options: str) -> Path:
    command = [sys.executable, str(ROOT / "agent/packaging/deb/build.py"), "--out", str(directory), *options]
    return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two versions."""
    directory = tmp_path_factory.mktemp("packages")
    build(directory, "--version", "1.0.0").rename(directory / "old.deb")
    build(directory, "--version", "1.1.0").rename(directory / "new.deb")
    return directory


@pytest.fixture
def device(debian_root: Path, tmp_path: Path, packages: Path) -> Iterator[Device]:
    """Booted, with settings and key laid out and the old version installed."""
    with bare_device(debian_root, tmp_path, "pc-9", shows={packages: "/opt/packages"}) as made:
        made.debian.write("/etc/muster-agent/config.toml", f'server_url = "{made.outside.address}"\n')
        made.debian.write("/etc/muster-agent/enrolment.key", f"{made.outside.key()}\n", 0o644)
        made.debian.write(f"/etc/systemd/system/{SERVICE}.d/at-once.conf", AT_ONCE)
        made.debian.boot()
        made.debian.wait_until_started()
        made.debian.run("dpkg", "-i", "/opt/packages/old.deb")
        yield made


def test_it_starts_a_daemon_without_rights_that_enrols_and_reports_what_root_left_for_it(device: Device) -> None:
    (state,) = device.outside.wait_for_rows(device_state, lambda row: row["agent_version"] == "1.0.0")

    outcomes = {name: told["outcome"] for name, told in json.loads(state["outcomes"]).items()}
    assert "failed" not in outcomes.values()
    assert (outcomes["starts"], outcomes["sign_ins"]) == ("ok", "ok")
    assert device.debian.show(SERVICE, "ProtectProc") == "default"  # else no person's desktop could be seen
    process = device.debian.show(SERVICE, "MainPID")
    status = device.debian.path(f"/proc/{process}/status").read_text()
    account = device.debian.run("id", "-u", "muster-agent").stdout.strip()
    assert re.findall(r"^Uid:\s+(\d+)", status, re.MULTILINE) == [account] != ["0"]
    assert re.findall(r"^Cap(?:Eff|Bnd|Amb):\s+(\w+)$", status, re.MULTILINE) == ["0" * 16] * 3
    # The key that any program could read when it was laid out is root's alone now.
    assert device.debian.path("/etc/muster-agent/enrolment.key").stat().st_mode & 0o777 == 0o600
    device.debian.run("systemctl", "start", "muster-agent-facts.service")  # its timer waits a minute after a start
    assert may_read(device, FACTS, group="muster-agent-facts")
    assert "muster-agent-facts.timer" in device.debian.run("systemctl", "list-timers", "--no-legend").stdout
    assert not may_read(device, FACTS, group="nogroup")
    assert "Invalid" not in device.debian.journal("-b", "-t", "systemd")
    assert device.debian.run("systemctl", "--failed", "--no-legend").stdout == ""


def test_its_units_are_shut_in(device: Device) -> None:
    exposed = device.debian.run("systemd-analyze", "security", SERVICE, "muster-agent-facts.service", "--no-pager")

    levels = [float(level) for level in re.findall(r"exposure level for \S+: ([\d.]+)", exposed.stdout)]
    assert len(levels) == 2
    assert levels[0] < 2
    assert levels[1] < 4  # it is root's, and asks drives for their wear


def test_an_upgrade_keeps_the_identity_and_goes_on_where_it_was(device: Device) -> None:
    (before,) = device.outside.wait_for_rows(device_state, lambda row: row["agent_version"] == "1.0.0")
    stream = state_file(device, "spool/stream.json")
    device.debian.write("/etc/muster-agent/enrolment.key", "of another day\n", 0o600)

    device.debian.run("dpkg", "-i", "/opt/packages/new.deb")
    (after,) = device.outside.wait_for_rows(device_state, lambda row: row["agent_version"] == "1.1.0")

    assert after["device_id"] == before["device_id"]
    (known,) = device.outside.rows(devices)
    assert known["generation"] == 1
    assert state_file(device, "spool/stream.json")[:46] == stream[:46]


def test_after_purging_no_trace_is_left(device: Device) -> None:
    device.outside.wait_for_rows(device_state, lambda row: row["agent_version"] == "1.0.0")

    device.debian.run("dpkg", "--remove", "muster-agent")
    assert device.debian.run("pgrep", "-f", "muster_agent|muster-agent", check=False).stdout == ""
    assert device.debian.path("/var/lib/private/muster-agent/identity.json").exists()
    device.debian.run("dpkg", "--purge", "muster-agent")

    device.debian.run("rm", "-r", f"/etc/systemd/system/{SERVICE}.d")
    search = ["find", "/etc", "/usr", "/var", "/run", "/tmp", "-xdev", "-name", "*muster*"]
    assert device.debian.run(*search).stdout == ""
    assert "muster" not in device.debian.path("/etc/group").read_text() + device.debian.path("/etc/passwd").read_text()
    assert device.debian.run("systemctl", "--failed", "--no-legend").stdout == ""


def test_without_settings_it_waits_and_says_what_to_write(debian_root: Path, tmp_path: Path, packages: Path) -> None:
    with bare_device(debian_root, tmp_path, "pc-6", shows={packages: "/opt/packages"}) as made:
        made.debian.boot()
        made.debian.wait_until_started()

        told = made.debian.run("dpkg", "-i", "/opt/packages/old.deb").stdout

        assert "muster-agent is not started: write server_url in /etc/muster-agent/config.toml" in told
        assert made.debian.show(SERVICE, "ActiveState") == "inactive"
        assert '# server_url = ""' in made.debian.path("/etc/muster-agent/config.toml").read_text()


def may_read(device: Device, path: str, *, group: str) -> bool:
    """Whether a process of nobody's, with one group, may read a file."""
    as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", f"--groups={group}", "--"]
    return device.debian.run(*as_nobody, "cat", path, check=False).returncode == 0


def state_file(device: Device, name: str) -> str:
    return device.debian.path(f"/var/lib/private/muster-agent/{name}").read_text()
