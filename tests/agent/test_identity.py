"""Identity: hints by which a device is known again, and junk that must not make two devices one."""

from __future__ import annotations

import hashlib

import pytest
from tests.fixtures.machine import Fixture

from muster_agent import identity
from muster_agent.sources.machine_id import keyed_hash, read_machine_hash


def test_a_laptop_has_three_hints_and_a_hash_over_them(laptop: Fixture) -> None:
    joined = "disk_serial=SSB4N82911240B24X\nsmbios_uuid=4c4c4544-0058-4b10-8032-b7c04f513933\nsystem_serial=7XK2Q93"

    hints = identity.hints(laptop.machine)

    assert (hints["smbios_uuid"], hints["system_serial"], hints["disk_serial"]) == (
        "4c4c4544-0058-4b10-8032-b7c04f513933",
        "7XK2Q93",
        "SSB4N82911240B24X",
    )
    assert hints["hardware_hash"] == hashlib.sha256(joined.encode()).hexdigest()


def test_junk_is_no_hint_and_a_hash_stands_on_what_is_left(tablet: Fixture) -> None:
    hints = identity.hints(tablet.machine)

    assert (hints["smbios_uuid"], hints["system_serial"], hints["disk_serial"]) == (None, None, "0x1c2d3e4f")
    assert hints["hardware_hash"] is not None


def test_without_any_hint_there_is_no_hash_that_all_such_devices_would_share(container: Fixture) -> None:
    assert set(identity.hints(container.machine).values()) == {None}


def test_a_reinstall_changes_the_machine_id_and_no_hint(laptop: Fixture) -> None:
    before = identity.hints(laptop.machine)
    laptop.write("/etc/machine-id", "f" * 32)

    after = identity.hints(laptop.machine)

    assert after.pop("machine_hash") != before.pop("machine_hash")
    assert after == before


def test_the_machine_id_itself_never_leaves(laptop: Fixture) -> None:
    machine_id = (laptop.root / "etc/machine-id").read_text().strip()

    assert machine_id not in str(identity.hints(laptop.machine))
    assert read_machine_hash(laptop.machine) == keyed_hash(machine_id)
    assert keyed_hash(machine_id) != hashlib.sha256(machine_id.encode()).hexdigest()


@pytest.mark.parametrize("content", ["", "uninitialized\n", "0" * 32, "x" * 32, "abc", "f" * 33, b"\xff" * 32])
def test_an_image_without_a_machine_id_of_its_own_has_no_hash(laptop: Fixture, content: str | bytes) -> None:
    laptop.write("/etc/machine-id", content)

    assert read_machine_hash(laptop.machine) is None


@pytest.mark.parametrize("uuid", ["not a uuid", "4c4c4544", "x" * 36, "4c4c4544-0058-4b10-8032-b7c04f513933-extra"])
def test_a_uuid_that_is_none_is_no_hint(laptop: Fixture, uuid: str) -> None:
    laptop.write("/sys/class/dmi/id/product_uuid", uuid)

    assert identity.hints(laptop.machine)["smbios_uuid"] is None


def test_a_psutil_that_knows_no_mounts_costs_the_disks_serial_alone(laptop: Fixture) -> None:
    del laptop.ps.values["partitions"]

    assert identity.hints(laptop.machine)["disk_serial"] is None
    assert identity.hints(laptop.machine)["system_serial"] == "7XK2Q93"
