"""What the store holds of a Debian is what the Debian's own tools say of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.system.device import Device, new_device
from tests.system.outside import Row

from muster_server.models import device_sections, device_software, device_state, software_titles

pytestmark = [pytest.mark.system, pytest.mark.timeout(150, func_only=True)]
OLD_DAY = "2024-02-29"


@pytest.fixture(scope="module")
def reported(debian_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """A device that was booted, has one old package and a restart pending, and reported once."""
    with new_device(debian_root, tmp_path_factory.mktemp("facts"), "pc-8") as device:
        device.debian.boot()
        device.debian.wait_until_started()
        device.debian.run("touch", "-d", OLD_DAY, "/var/lib/dpkg/info/tzdata.list")
        device.debian.run("sh", "-c", "touch /run/reboot-required; echo dbus >/run/reboot-required.pkgs")
        device.start_agent()
        device.outside.wait_for_rows(device_software, lambda row: row["title_count"] > 0)
        yield device


def state(device: Device) -> Row:
    (row,) = device.outside.rows(device_state)
    return row


def section(device: Device, name: str) -> Row:
    bodies = {row["section"]: row["body"] for row in device.outside.rows(device_sections)}
    found: Row = json.loads(bodies[name])
    return found


def test_every_collector_knows_its_subject_or_says_that_there_is_none(reported: Device) -> None:
    outcomes = json.loads(state(reported)["outcomes"])

    assert {name: told for name, told in outcomes.items() if told["outcome"] == "failed"} == {}
    known = {name for name, told in outcomes.items() if told["outcome"] == "ok"}
    assert {"system", "hardware", "starts", "disks", "software", "restart", "use"} <= known


def test_the_device_has_its_hostname_and_its_operating_system(reported: Device) -> None:
    row = state(reported)

    assert row["hostname"] == reported.debian.run("hostname").stdout.strip() == "pc-8"
    release = reported.debian.run("sh", "-c", '. /etc/os-release; echo "$PRETTY_NAME|$VERSION_ID"').stdout.strip()
    assert f"{row['os_name']}|{row['os_version']}" == release
    assert section(reported, "system")["kernel"] == os.uname().release


def test_software_is_what_dpkg_has_installed_with_the_day_of_its_last_change(reported: Device) -> None:
    (listed,) = reported.outside.rows(device_software)
    titles = {row["id"]: (row["name"], row["version"]) for row in reported.outside.rows(software_titles)}
    held = {titles[number]: day for number, day in json.loads(listed["titles"])}

    shown = reported.debian.run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n").stdout
    lines = [line.split() for line in shown.splitlines()]
    assert set(held) == {(name, version) for status, name, version in lines if status == "installed"}
    assert len(held) > 80
    assert [day for (name, _), day in held.items() if name == "tzdata"] == [OLD_DAY]
    made_on = reported.debian.run("date", "-u", "-r", "/var/lib/dpkg/info/dbus.list", "+%F").stdout.strip()
    assert [day for (name, _), day in held.items() if name == "dbus"] == [made_on]


def test_a_pending_restart_is_told_with_its_reason(reported: Device) -> None:
    assert section(reported, "restart") == {"pending": True, "reasons": ["package_update"]}
