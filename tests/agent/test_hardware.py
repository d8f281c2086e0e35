"""Hardware: what the device is made of, which class that makes it, and which drive it starts from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.machine import Fixture

from muster_agent.collectors import hardware
from muster_agent.sources import block, dmi

DMI = "/sys/class/dmi/id"


def test_a_laptop_is_told_with_its_drive_through_lvm_and_encryption(laptop: Fixture) -> None:
    told = hardware.collect(laptop.machine)

    assert (told["device_class"], told["chassis_code"]) == ("laptop", 10)
    assert (told["manufacturer"], told["model"], told["serial"]) == ("Dell Inc.", "Latitude 5420", "7XK2Q93")
    assert (told["bios_version"], told["bios_on"]) == ("1.29.1", "2024-08-14")
    assert (told["cpu_cores"], told["cpu_threads"], told["memory_bytes"]) == (4, 8, 16_587_341_824)
    drive = {"name": "nvme0n1", "kind": "nvme", "model": "PC711 NVMe SK hynix 512GB", "size_bytes": 512_110_190_592}
    assert told["drives"] == [{**drive, "system": True}]


def test_a_hard_disk_that_the_system_starts_from_is_told_and_a_plugged_in_one_is_not(desktop: Fixture) -> None:
    drives = hardware.collect(desktop.machine)["drives"]

    assert [(drive["name"], drive["kind"], drive["system"]) for drive in drives] == [("sda", "hdd", True)]


def test_a_tablet_that_its_vendor_calls_portable_is_a_tablet_with_its_built_in_storage(tablet: Fixture) -> None:
    told = hardware.collect(tablet.machine)

    assert told["device_class"] == "tablet"
    assert (told["serial"], told["bios_on"]) == (None, None)  # junk, and a 45th day of a 13th month
    assert [(drive["name"], drive["kind"], drive["system"]) for drive in told["drives"]] == [("mmcblk0", "ssd", True)]


def test_without_smbios_nothing_is_made_up(container: Fixture) -> None:
    told = hardware.collect(container.machine)

    assert told["device_class"] == "unknown"
    names = ("manufacturer", "model", "serial", "bios_version", "bios_on", "chassis_code", "cpu_model", "cpu_cores")
    assert [told[name] for name in names] == [None] * len(names)
    assert told["drives"] == []


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"chassis_type": "3"}, "desktop"),
        ({"chassis_type": "13"}, "desktop"),
        ({"chassis_type": "9"}, "laptop"),
        ({"chassis_type": "31"}, "tablet"),
        ({"chassis_type": "23"}, "server"),
        ({"chassis_type": "1"}, "unknown"),
        ({"chassis_type": "-3"}, "unknown"),
        ({"chassis_type": "3", "product_name": "Standard PC (Q35 + ICH9)", "sys_vendor": "QEMU"}, "virtual"),
        ({"chassis_type": "3", "product_name": "Virtual Machine", "sys_vendor": "Microsoft Corporation"}, "virtual"),
        ({"chassis_type": "9", "product_name": "Surface Pro 7"}, "tablet"),
    ],
)
def test_the_chassis_makes_the_class_unless_the_product_tells_better(
    container: Fixture, facts: dict[str, str], expected: str
) -> None:
    for name, value in facts.items():
        container.write(f"{DMI}/{name}", value)

    assert hardware.collect(container.machine)["device_class"] == expected


def test_an_unknown_chassis_with_a_battery_is_a_laptop(container: Fixture) -> None:
    container.write("/sys/class/power_supply/BAT0/type", "Battery")

    assert hardware.collect(container.machine)["device_class"] == "laptop"


def test_a_processor_that_knows_of_a_hypervisor_makes_the_device_virtual(laptop: Fixture) -> None:
    laptop.write("/proc/cpuinfo", "model name : Any\nflags : fpu hypervisor\n")

    assert hardware.collect(laptop.machine)["device_class"] == "virtual"


def test_lenovos_readable_model_is_its_version(laptop: Fixture) -> None:
    laptop.write(f"{DMI}/sys_vendor", "LENOVO")
    laptop.write(f"{DMI}/product_name", "20XW004DUK")
    laptop.write(f"{DMI}/product_version", "ThinkPad X1 Carbon Gen 9")

    assert hardware.collect(laptop.machine)["model"] == "ThinkPad X1 Carbon Gen 9"


@pytest.mark.parametrize(
    "junk",
    ["", " ", "0", "None", "To Be Filled By O.E.M.", "System Serial Number", "<BAD INDEX>", "0000", "FFFF-FFFF", "---"],
)
def test_what_vendors_leave_in_is_no_value(junk: str) -> None:
    assert dmi.clean(junk) is None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("08/14/2024", "2024-08-14"),
        ("02/30/2020", None),
        ("1/2", None),
        ("08/14/24", None),
        ("12/31/99999999", None),
        ("\u0661/\u0661/2020", None),
        (None, None),
    ],
)
def test_a_bios_date_is_a_day_that_exists_or_nothing(text: str | None, day: str | None) -> None:
    assert dmi.parse_day(text) == day


@pytest.mark.parametrize(
    ("name", "rotational", "kind"),
    [
        ("sda", "1", "hdd"),
        ("sda", "0", "ssd"),
        ("nvme0n1", "1", "nvme"),
        ("vda", "1", "unknown"),
        ("sda", None, "unknown"),
    ],
)
def test_a_drives_kind_and_a_virtual_disk_is_not_believed(name: str, rotational: str | None, kind: str) -> None:
    assert block.parse_kind(name, rotational) == kind


@pytest.mark.parametrize(
    ("device", "drive"),
    [
        ("/dev/nvme0n1p2", "nvme0n1"),
        ("/dev/sda1", "sda"),
        ("/dev/mmcblk0p3", "mmcblk0"),
        ("/dev/vda", "vda"),
        ("/dev/loop3", None),
        ("/dev/sr0", None),
        ("rpool/ROOT/debian", None),
        ("overlay", None),
        ("", None),
    ],
)
def test_a_mounted_device_lies_on_a_drive_or_on_none(container: Fixture, device: str, drive: str | None) -> None:
    assert block.drive_of(container.machine, device) == drive


def test_mappings_that_go_in_a_circle_end(container: Fixture) -> None:
    container.write("/sys/block/dm-0/slaves/dm-1", "")
    container.write("/sys/block/dm-1/slaves/dm-0", "")

    assert block.drive_of(container.machine, "/dev/dm-0") is None


@pytest.mark.parametrize("size", ["²", "many", "-5", "9" * 40, "9" * 5_000, ""])
def test_a_size_that_is_no_number_is_unknown(desktop: Fixture, size: str) -> None:
    desktop.write("/sys/block/sda/size", size)

    assert hardware.collect(desktop.machine)["drives"][0]["size_bytes"] is None


@given(st.text())
def test_no_text_of_a_vendor_or_a_bios_crashes(text: str) -> None:
    cleaned, day = dmi.clean(text), dmi.parse_day(text)

    assert cleaned is None or 0 < len(cleaned) <= 128
    assert day is None or len(day) == 10


@pytest.mark.parametrize(
    ("file", "content", "version"),
    [
        ("tpm_version_major", "2\n", "2.0"),
        ("tpm_version_major", "1\n", "1.2"),
        ("device/description", "TPM 2.0 Device\n", "2.0"),  # kernels before 5.6 have no number
        ("device/caps", "Manufacturer: 0x49465800\nTCG version: 1.2\n", "1.2"),
        ("device/description", "a chip\n", None),
    ],
)
def test_a_tpm_tells_its_version_on_older_kernels_too(
    desktop: Fixture, file: str, content: str, version: str | None
) -> None:
    desktop.write(f"/sys/class/tpm/tpm0/{file}", content)

    assert hardware.collect(desktop.machine)["tpm_version"] == version
