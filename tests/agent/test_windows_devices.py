"""Batteries, drives and the trusted platform module on Windows, as their drivers answer."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.test_drive_health import smart_data
from tests.fixtures import smbios_table
from tests.fixtures.windows_machine import WindowsFixture

from muster_agent import identity
from muster_agent.collectors import battery, hardware
from muster_agent.sources.windows.batteries import parse_pack
from muster_agent.sources.windows.drives import parse_descriptor, parse_nvme_health, parse_seek_penalty, parse_size
from muster_agent.sources.windows.hardware import parse_tpm

SYSTEM, RELATIVE, SHORT_TERM = 0x8000_0000, 0x4000_0000, 0x2000_0000
TAG, INFORMATION, STATUS = 0x294040, 0x294044, 0x29404C
PROPERTY, NUMBER, PREDICT, GEOMETRY = 0x2D1400, 0x2D1080, 0x2D1100, 0x700A0
DESCRIPTOR, SEEK_PENALTY, PROTOCOL = (struct.pack("<I", number) for number in (0, 7, 50))
UNKNOWN = 0xFFFF_FFFF
DRIVE0, DRIVE1 = r"\\.\PhysicalDrive0", r"\\.\PhysicalDrive1"


@pytest.fixture
def pc() -> WindowsFixture:
    return WindowsFixture()


def information(*, capabilities: int = SYSTEM, design: int = 57_000, full: int = 41_040, cycles: int = 412) -> bytes:
    return struct.pack("<IB3x4sIIIIII", capabilities, 1, b"LiP\0", design, full, 3_000, 6_000, 0, cycles)


def status(flags: int = 2, charge: int = 20_520) -> bytes:
    return struct.pack("<IIIi", flags, charge, 11_400, -9_000)


def test_a_worn_battery_is_told_in_watt_hours(pc: WindowsFixture) -> None:
    path = r"\\?\acpi#pnp0c0a#1#{72631e54-78a4-11d0-bcf7-00aa00b7b32a}"
    pc.windows.battery_paths = [path]
    pc.windows.devices = {
        (path, TAG, bytes(4)): struct.pack("<I", 7),
        (path, INFORMATION, struct.pack("<I", 7)): information(),
        (path, STATUS, struct.pack("<I", 7)): status(),
    }

    assert battery.collect(pc.machine) == {
        "packs": [
            {
                "name": "battery-0", "unit": "Wh", "design": 57.0, "full": 41.04, "cycles": 412,
                "charge_percent": 50.0, "state": "discharging",
            }
        ]
    }  # fmt: skip


def test_an_empty_bay_and_a_desktop_have_no_battery(pc: WindowsFixture) -> None:
    assert battery.collect(pc.machine) is None
    pc.windows.battery_paths = [r"\\?\acpi#pnp0c0a#2"]
    assert battery.collect(pc.machine) is None


@pytest.mark.parametrize("capabilities", [0, SYSTEM | SHORT_TERM], ids=["of a mouse", "of a UPS"])
def test_a_battery_of_something_else_is_left_out(capabilities: int) -> None:
    assert parse_pack(information(capabilities=capabilities), status()) is None


def test_relative_and_unknown_capacities_make_no_watt_hours() -> None:
    relative = parse_pack(information(capabilities=SYSTEM | RELATIVE, design=100, full=83), status(charge=UNKNOWN))
    unknown = parse_pack(information(design=UNKNOWN, full=UNKNOWN, cycles=0), status(1, UNKNOWN))

    assert relative is not None
    assert unknown is not None
    assert (relative["unit"], relative["design"], relative["charge_percent"]) == (None, None, None)
    assert (unknown["design"], unknown["full"], unknown["cycles"]) == (None, None, None)


@pytest.mark.parametrize(
    ("flags", "charge", "state"),
    [
        (5, 20_000, "charging"),
        (2, 20_000, "discharging"),
        (1, 41_000, "full"),
        (1, 32_000, "not_charging"),
        (0, 1, "unknown"),
    ],
)
def test_states_are_told_apart_and_a_charge_limit_is_not_full(flags: int, charge: int, state: str) -> None:
    pack = parse_pack(information(), status(flags, charge))

    assert pack is not None
    assert pack["state"] == state


def descriptor(
    model: str = "SAMSUNG MZVL2512", serial: str = "S6B4NX0T", *, bus: int = 17, removable: bool = False
) -> bytes:
    texts = f"NVMe\0{model}\0{serial}\0".encode()
    vendor, product = 40, 45
    head = struct.pack("<IIBB?BIIIIII", 40, 40 + len(texts), 0, 0, removable, 1, vendor, product, 0,
                       product + len(model) + 1, bus, 0)  # fmt: skip
    return head + bytes(4) + texts


def nvme_health(*, used: int = 12, warning: int = 0, hours: int = 9_120) -> bytes:
    log = bytes((warning, 0, 0, 100, 10, used)) + bytes(122) + hours.to_bytes(16, "little") + bytes(368)
    return struct.pack("<II10I", 48, 48, 3, 2, 2, 0, 40, 512, 0, 0, 0, 0) + log


def put_drives(pc: WindowsFixture) -> None:
    """An NVMe drive with Windows on it, and a hard disk that warns of its end."""
    size = struct.pack("<24xq", 512_110_190_592)
    pc.windows.devices = {
        (DRIVE0, PROPERTY, DESCRIPTOR): descriptor(),
        (DRIVE0, PROPERTY, PROTOCOL): nvme_health(),
        (DRIVE0, GEOMETRY, b""): size,
        (DRIVE1, PROPERTY, DESCRIPTOR): descriptor("ST1000DM010", "ZN1ABCDE", bus=11),
        (DRIVE1, PROPERTY, SEEK_PENALTY): struct.pack("<IIB", 12, 12, 1),
        (DRIVE1, PREDICT, b""): struct.pack("<I", 1) + bytes(512),
        (r"\\.\PhysicalDrive2", PROPERTY, DESCRIPTOR): descriptor("Stick", "1", bus=7, removable=True),
        (r"\\.\C:", NUMBER, b""): struct.pack("<III", 7, 0, 3),
    }


def test_drives_are_told_with_their_kind_and_wear_and_without_their_serial(pc: WindowsFixture) -> None:
    put_drives(pc)

    assert hardware.collect(pc.machine)["drives"] == [
        {
            "name": "drive-0", "system": True, "size_bytes": 512_110_190_592, "model": "SAMSUNG MZVL2512",
            "kind": "nvme", "wear_percent": 12, "power_on_hours": 9_120, "failing": False,
        },
        {
            "name": "drive-1", "system": False, "size_bytes": None, "model": "ST1000DM010", "kind": "hdd",
            "failing": True,
        },
    ]  # fmt: skip


@pytest.mark.parametrize(("turns", "wear"), [(0, 13), (1, None)])
def test_an_ata_drive_tells_its_attributes_behind_its_warning_and_a_turning_one_no_wear(
    pc: WindowsFixture, turns: int, wear: int | None
) -> None:
    put_drives(pc)
    pc.windows.devices[(DRIVE1, PROPERTY, SEEK_PENALTY)] = struct.pack("<IIB", 12, 12, turns)
    told = smart_data(a9=(95, 12_345), a177=(87, 411))
    pc.windows.devices[(DRIVE1, PREDICT, b"")] = struct.pack("<I", 0) + told

    drive = hardware.collect(pc.machine)["drives"][1]

    assert (drive["failing"], drive["power_on_hours"], drive.get("wear_percent")) == (False, 12_345, wear)


def test_a_device_is_known_again_by_its_firmware_and_the_drive_it_starts_from(pc: WindowsFixture) -> None:
    put_drives(pc)
    pc.windows.table = smbios_table.laptop()
    pc.key(r"SOFTWARE\Microsoft\Cryptography", MachineGuid="0f8fad5b-d9cb-469f-a165-70867728950e")

    hints = identity.hints(pc.machine)

    assert hints["smbios_uuid"] == "00112233-4455-6677-8899-aabbccddeeff"
    assert (hints["system_serial"], hints["disk_serial"]) == ("7XKQ2T3", "S6B4NX0T")
    assert hints["machine_hash"] is not None
    assert "0f8fad5b" not in str(hints)


@pytest.mark.parametrize(
    ("bus", "seeks", "kind"), [(11, 0, "ssd"), (11, 1, "hdd"), (16, 1, "unknown"), (8, None, "unknown")]
)
def test_kinds_of_drives(pc: WindowsFixture, bus: int, seeks: int | None, kind: str) -> None:
    pc.windows.devices = {(DRIVE0, PROPERTY, DESCRIPTOR): descriptor(bus=bus)}
    if seeks is not None:
        pc.windows.devices[DRIVE0, PROPERTY, SEEK_PENALTY] = struct.pack("<IIB", 12, 12, seeks)

    assert [drive["kind"] for drive in hardware.collect(pc.machine)["drives"]] == [kind]


@pytest.mark.parametrize(("version", "found"), [(1, "1.2"), (2, "2.0"), (9, None)])
def test_the_tpm_tells_its_version(version: int, found: str | None) -> None:
    assert parse_tpm(struct.pack("<4I", 1, version, 3, 0)) == found


def test_no_tpm_is_told_apart_from_one_that_does_not_answer() -> None:
    assert parse_tpm(None) == "none"
    assert parse_tpm(b"\1") is None


@pytest.mark.parametrize(
    ("firmware", "state", "found"),
    [
        (2, 1, ("uefi", True)),
        (2, 0, ("uefi", False)),
        (1, None, ("bios", False)),
        (2, None, ("uefi", None)),
        (["x"], "1", (None, True)),
    ],
)
def test_firmware_and_secure_boot(pc: WindowsFixture, firmware: Any, state: Any, found: tuple[Any, Any]) -> None:
    pc.key(r"SYSTEM\CurrentControlSet\Control", PEFirmwareType=firmware)
    pc.key(r"SYSTEM\CurrentControlSet\Control\SecureBoot\State", UEFISecureBootEnabled=state)

    section = hardware.collect(pc.machine)

    assert (section["firmware"], section["secure_boot"], section["tpm_version"]) == (*found, "2.0")


def test_the_processor_is_told_by_name_and_by_what_windows_11_asks_for(pc: WindowsFixture) -> None:
    pc.key(
        r"HARDWARE\DESCRIPTION\System\CentralProcessor\0",
        ProcessorNameString="Intel(R) Core(TM) i5-7300U CPU @ 2.60GHz ",
        VendorIdentifier="GenuineIntel",
        Identifier="Intel64 Family 6 Model 142 Stepping 9",
    )

    section = hardware.collect(pc.machine)

    assert section["cpu_model"] == "Intel(R) Core(TM) i5-7300U CPU @ 2.60GHz"
    assert section["cpu_id"] == "GenuineIntel 6 142 9"


@given(st.binary(max_size=64), st.binary(max_size=32))
def test_no_bytes_make_a_battery_out_of_nonsense(about: bytes, now: bytes) -> None:
    pack = parse_pack(about, now)

    if pack is not None:
        assert len(about) >= 36
        assert pack["design"] is None or 0 < float(str(pack["design"])) <= 1_000
        assert pack["charge_percent"] is None or 0 <= float(str(pack["charge_percent"])) <= 200


@given(st.binary(max_size=700))
def test_no_bytes_make_the_parsers_of_drives_stumble(raw: bytes) -> None:
    about, size, wear = parse_descriptor(raw), parse_size(raw), parse_nvme_health(raw)

    assert about is None or len(raw) >= 36
    assert size is None or 0 < size <= 2**60
    assert not wear or 0 <= wear["wear_percent"] <= 255
    assert parse_seek_penalty(raw) in ("hdd", "ssd", "unknown")
