"""The SMBIOS table: what firmware says of a device, and what it says badly."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures import smbios_table as made
from tests.fixtures.machine import Fixture
from tests.fixtures.windows_machine import WindowsFixture

from muster_agent.collectors import hardware
from muster_agent.sources.dmi import read_dmi
from muster_agent.sources.smbios import parse_facts, parse_memory, parse_table


@pytest.fixture
def pc() -> WindowsFixture:
    return WindowsFixture()


def test_the_table_names_the_device_as_linux_does() -> None:
    assert parse_facts(made.laptop()) == {
        "bios_vendor": "Dell Inc.",
        "bios_version": "1.21.0",
        "bios_date": "07/18/2024",
        "sys_vendor": "Dell Inc.",
        "product_name": "Latitude 5440",
        "product_version": "1.0",
        "product_serial": "7XKQ2T3",
        "product_uuid": "00112233-4455-6677-8899-aabbccddeeff",
        "chassis_type": "10",
        "chassis_serial": "7XKQ2T3",
    }


def test_values_that_vendors_leave_in_are_none(pc: WindowsFixture) -> None:
    pc.windows.table = made.system("To Be Filled By O.E.M.", "System Product Name", "Default string") + made.END

    assert read_dmi(pc.machine).keys() == {"product_uuid", "product_version"}


def test_memory_is_told_by_slot_with_its_limit_and_video_memory_is_none_of_it() -> None:
    assert parse_memory(made.laptop()) == {
        "memory_slots": [
            {"bytes": 8 * 2**30, "kind": "DDR4", "speed_mts": 2666, "soldered": False},
            {"bytes": 0, "kind": None, "speed_mts": None, "soldered": False},
        ],
        "memory_limit_bytes": 64 * 2**30,
    }


@pytest.mark.parametrize(
    ("slot", "found"),
    [
        (made.memory_slot(32_768, kind=0x22), (32 * 2**30, "DDR5", False)),
        (made.memory_slot(4_096, kind=0x1E, form=0x0B), (4 * 2**30, "LPDDR4", True)),
        (made.memory_slot(1_024, kind=0x02), (2**30, None, False)),
    ],
)
def test_large_and_soldered_memory_is_read(slot: bytes, found: tuple[Any, ...]) -> None:
    told = parse_memory(made.memory_array(2**28, slots=1) + slot + made.END)

    assert told is not None
    (entry,) = told["memory_slots"]
    assert (entry["bytes"], entry["kind"], entry["soldered"]) == found


def test_a_limit_beyond_two_terabytes_stands_in_its_longer_field() -> None:
    told = parse_memory(made.memory_array(0x1_0000_0000, slots=1) + made.memory_slot(8_192) + made.END)

    assert told is not None
    assert told["memory_limit_bytes"] == 4 * 2**40


def test_a_table_without_slots_tells_nothing_of_memory() -> None:
    assert parse_memory(made.bios() + made.system() + made.END) is None


@pytest.mark.parametrize(
    ("names", "told", "found"),
    [
        (("Dell Inc.", "Latitude 5440"), (10, 2), "laptop"),
        (("Dell Inc.", "Latitude 5440"), (10 | 0x80, 2), "laptop"),  # a lock is fitted
        (("Dell Inc.", "Venue 11 Pro 7140"), (8, 2), "tablet"),  # says "portable"
        (("HP", "HP Pavilion x2 Detachable"), (32, 2), "tablet"),
        (("Microsoft Corporation", "Surface Pro 9"), (9, 2), "tablet"),  # says "laptop"
        (("Zebra", "ET51"), (10, 8), "tablet"),  # says "notebook", and Windows knows it for a slate
        (("LENOVO", "11EV"), (35, 1), "desktop"),
        (("VMware, Inc.", "VMware7,1"), (1, 1), "virtual"),
        (("Microsoft Corporation", "Virtual Machine"), (3, 1), "virtual"),
        (("Acme", "Board"), (2, 1), "unknown"),
    ],
)
def test_classes_survive_what_makers_write(
    pc: WindowsFixture, names: tuple[str, str], told: tuple[int, int], found: str
) -> None:  # fmt: skip
    code, pc.windows.role = told
    pc.windows.table = made.system(*names) + made.chassis(code) + made.END

    section = hardware.collect(pc.machine)

    assert section["device_class"] == found
    assert section["chassis_code"] == code & 0x7F


def test_root_reads_the_slots_on_linux_too(laptop: Fixture) -> None:
    laptop.write("/sys/firmware/dmi/tables/DMI", made.laptop())

    assert hardware.collect(laptop.machine)["memory_limit_bytes"] == 64 * 2**30


def test_firmware_that_does_not_answer_leaves_the_rest(pc: WindowsFixture) -> None:
    pc.windows.table = b""

    section = hardware.collect(pc.machine)

    assert (section["model"], section["serial"]) == (None, None)
    assert section["memory_bytes"] == 17_179_869_184


def test_a_structure_that_runs_over_the_end_is_no_structure() -> None:
    whole = made.bios() + made.system()

    assert [found.kind for found in parse_table(whole[:-1])] == [0]
    assert [found.kind for found in parse_table(whole + struct.pack("<BBH", 3, 200, 0))] == [0, 1]


@given(st.binary(max_size=400))
def test_no_bytes_make_the_parser_stumble(table: bytes) -> None:
    facts = parse_facts(made.bios() + table)
    parse_memory(made.memory_array(2**20, slots=2) + table)

    assert facts["bios_version"] == "1.21.0"
    assert all(isinstance(value, str) for value in facts.values())


@given(st.binary(min_size=28, max_size=40))
def test_no_slot_is_larger_than_two_petabytes(part: bytes) -> None:
    told = parse_memory(made.memory_array(2**20, slots=1) + made.structure(17, b"\0\x10" + part) + made.END)

    for slot in told["memory_slots"] if told else ():
        assert slot["bytes"] is None or 0 <= slot["bytes"] < 2**51
