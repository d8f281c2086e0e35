"""The wear of drives, as they say themselves: asked by root's unit, never woken for it, told by the agent."""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.test_root_facts import hand_over
from tests.fixtures.machine import Fixture

from muster_agent import facts
from muster_agent.collectors import hardware
from muster_agent.sources import ata, block, drive_health
from muster_agent.sources.nvme import parse_health
from muster_agent.sources.passthrough import Answer, Command, ask

AWAKE, ASLEEP = 0xFF, 0x00


def nvme_log(*, warning: int = 0, used: int = 7, hours: int = 4_321) -> bytes:
    log = bytearray(512)
    log[0], log[5] = warning, used
    log[128:144] = hours.to_bytes(16, "little")
    return bytes(log)


def smart_data(**attributes: tuple[int, int]) -> bytes:
    """SMART READ DATA with attributes, `a9=(value, raw)`."""
    data = bytearray(512)
    for place, (name, (value, raw)) in enumerate(attributes.items()):
        entry = bytes((int(name[1:]), 0x32, 0, value, value)) + raw.to_bytes(6, "little") + b"\0"
        data[2 + 12 * place : 14 + 12 * place] = entry
    data[511] = -sum(data) & 0xFF
    return bytes(data)


def registers(count: int = 0, middle: int = 0x4F, high: int = 0xC2) -> Answer:
    """An ATA Return descriptor."""
    descriptor = bytes((0x09, 12, 0, 0, 0, count, 0, 0, 0, middle, 0, high, 0, 0x50))
    return Answer(b"", bytes((0x72, 1, 0, 0x1D, 0, 0, 0, 14)) + descriptor)


class Drive:
    """A drive of one's own that answers, and remembers what it was asked."""

    def __init__(
        self, *, power: int = AWAKE, data: bytes = b"", page: bytes | None = None, failing: bool = False
    ) -> None:
        self.power, self.data, self.page, self.failing = power, data, page, failing
        self.asked: list[tuple[str, int]] = []

    def __call__(self, device: str, command: Command) -> Answer:
        if command.words[0] == 0x02:
            self.asked.append((device, 0x02))
            return Answer(self.data, b"")
        kind, feature = command.words[14], command.words[4]
        self.asked.append((device, kind << 8 | feature))
        if kind == 0xE5:
            return registers(self.power)
        if kind == 0x2F and self.page is None:
            raise OSError(5, "the drive did not take the command")
        if (kind, feature) == (0xB0, 0xDA):
            return registers(middle=0xF4, high=0x2C) if self.failing else registers()
        return Answer(self.page if kind == 0x2F and self.page is not None else self.data, b"")


def told(fixture: Fixture, drive: Drive) -> dict[str, Any]:
    """The first drive of the section `hardware`, after root's unit asked and handed over."""
    fixture.machine.ask_drive = drive
    hand_over(fixture, facts.gather(fixture.machine))
    found: dict[str, Any] = hardware.collect(fixture.machine)["drives"][0]
    return found


def test_an_nvme_drive_tells_its_wear_hours_and_warnings(laptop: Fixture) -> None:
    drive = Drive(data=nvme_log(used=103, hours=21_044, warning=0x01))

    health = told(laptop, drive)

    assert (health["wear_percent"], health["power_on_hours"], health["failing"]) == (103, 21_044, True)
    assert drive.asked == [("/dev/nvme0n1", 0x02)]


def test_a_warm_drive_is_not_failing() -> None:
    failing = [parse_health(nvme_log(warning=warning))["failing"] for warning in (0x00, 0x02, 0x03, 0x04, 0x08)]

    assert failing == [False, False, True, True, True]


def test_a_hard_disk_tells_its_hours_and_whether_it_expects_to_fail(desktop: Fixture) -> None:
    health = told(desktop, Drive(data=smart_data(a9=(60, 36_111), a231=(40, 0)), failing=True))

    assert (health["kind"], health["power_on_hours"], health["failing"]) == ("hdd", 36_111, True)
    assert health["wear_percent"] is None  # attribute 231 is something else on a disk that turns


def test_a_disk_that_sleeps_is_not_woken_and_keeps_what_it_said_when_it_was_awake(desktop: Fixture) -> None:
    awake, asleep = Drive(data=smart_data(a9=(60, 36_111))), Drive(power=ASLEEP)

    first, second = told(desktop, awake), told(desktop, asleep)

    assert second == first
    assert asleep.asked == [("/dev/sda", 0xE500)]
    assert awake.asked[0] == ("/dev/sda", 0xE500)


@pytest.mark.parametrize(
    ("attributes", "page", "wear"),
    [
        ({"a231": (88, 0)}, None, 12),
        ({"a177": (97, 44), "a202": (91, 9)}, None, 9),
        ({"a231": (88, 0)}, bytes((1, 0, 7, 0, 0, 0, 0, 0, 23, 0, 0, 0, 0, 0, 0, 0xC0)) + bytes(496), 23),
        ({"a231": (88, 0)}, bytes((1, 0, 7, 0, 0, 0, 0, 0, 23, 0, 0, 0, 0, 0, 0, 0x80)) + bytes(496), 12),
        ({"a231": (253, 0)}, None, None),
        ({"a9": (100, 5)}, None, None),
    ],
)
def test_a_solid_drive_of_ata_tells_its_wear(
    desktop: Fixture, attributes: dict[str, tuple[int, int]], page: bytes | None, wear: int | None
) -> None:
    (turns,) = desktop.root.glob("sys/devices/**/sda/queue/rotational")
    turns.write_text("0\n")

    assert told(desktop, Drive(data=smart_data(**attributes), page=page))["wear_percent"] == wear


def test_a_drive_that_takes_no_commands_is_told_without_its_wear(desktop: Fixture) -> None:
    def refuses(_device: str, _command: Command) -> Answer:
        raise OSError(25, "Inappropriate ioctl for device")

    desktop.machine.ask_drive = refuses

    assert facts.gather(desktop.machine)["drives"] == {}
    assert hardware.collect(desktop.machine)["drives"][0]["name"] == "sda"


def test_the_daemon_itself_asks_no_drive(laptop: Fixture) -> None:
    drive = Drive(data=nvme_log())
    laptop.machine.ask_drive = drive

    hardware.collect(laptop.machine)

    assert drive.asked == []


def test_an_emmc_tells_its_wear_to_anybody(tablet: Fixture) -> None:
    base = next(tablet.root.glob("sys/devices/**/mmcblk0/device"))
    (base / "life_time").write_text("0x02 0x05\n")
    (base / "pre_eol_info").write_text("0x01\n")

    (drive,) = hardware.collect(tablet.machine)["drives"]

    assert (drive["wear_percent"], drive["failing"]) == (50, False)
    assert block.parse_emmc_health("0x00 0x0b", "0x03") == {"wear_percent": 110, "failing": True}
    assert block.parse_emmc_health("0x00 0x00", "") == {"wear_percent": None, "failing": None}


class Kernel:
    """What the kernel does at an ioctl: follows the addresses in it, and writes the answer there."""

    def __init__(self, data: bytes, *, sense: bytes = b"", status: int = 0) -> None:
        self.data, self.sense, self.status = data, sense, status
        self.command = b""

    def __call__(self, _handle: int, code: int, argument: bytearray) -> int:
        if code == 0x2285:
            told = list(struct.unpack("iiBBHIPPPIIiPBBBBHHiII0P", argument))
            assert (len(argument), chr(told[0])) == (88, "S")
            self.command = ctypes.string_at(told[7], told[2])
            if told[6]:
                ctypes.memmove(told[6], self.data, min(told[5], len(self.data)))
            ctypes.memmove(told[8], self.sense, len(self.sense))
            told[13], told[16] = self.status, len(self.sense)
            argument[:] = struct.pack("iiBBHIPPPIIiPBBBBHHiII0P", *told)
            return 0
        assert (code, len(argument)) == (0xC0484E41, 72)
        self.command = bytes(argument[:8]) + bytes(argument[40:64])
        address, room = struct.unpack_from("<Q", argument, 24)[0], struct.unpack_from("<I", argument, 36)[0]
        ctypes.memmove(address, self.data, min(room, len(self.data)))
        return self.status


def test_a_command_reaches_an_ata_drive_and_its_answer_comes_back(tmp_path: Path) -> None:
    (tmp_path / "sda").touch()
    kernel = Kernel(b"\x05" * 512, sense=b"\x72\x01", status=2)

    answer = ask(str(tmp_path / "sda"), Command(bytes(range(16)), 512), ioctl=kernel)

    assert kernel.command == bytes(range(16))
    assert answer == Answer(b"\x05" * 512, b"\x72\x01")
    with pytest.raises(OSError, match="did not take"):
        ask(str(tmp_path / "sda"), Command(bytes(16), 0), ioctl=Kernel(b"", status=8))  # busy


def test_a_command_reaches_an_nvme_drive_and_its_answer_comes_back(tmp_path: Path) -> None:
    (tmp_path / "nvme0n1").touch()
    kernel = Kernel(nvme_log())

    answer = ask(str(tmp_path / "nvme0n1"), Command(drive_health._LOG_WORDS, 512), ioctl=kernel)

    assert answer.data == nvme_log()
    assert kernel.command == struct.pack("<BBHI6I", 2, 0, 0, 0xFFFF_FFFF, 0x007F_0002, 0, 0, 0, 0, 0)
    with pytest.raises(OSError, match="did not take"):
        ask(str(tmp_path / "nvme0n1"), Command(drive_health._LOG_WORDS, 512), ioctl=Kernel(b"", status=0x4002))


def test_what_is_no_drive_is_an_error_and_not_a_figure(tmp_path: Path) -> None:
    (tmp_path / "sda").touch()

    with pytest.raises(OSError, match="ioctl"):
        ask(str(tmp_path / "sda"), Command(bytes(16), 0))


@given(st.binary(max_size=600), st.binary(max_size=40))
def test_no_answer_of_a_drive_gives_a_figure_from_nonsense(data: bytes, sense: bytes) -> None:
    health = parse_health(data)
    assert 0 <= health.get("wear_percent", 0) <= 255
    assert 0 <= health.get("power_on_hours", 0) <= 10**6
    attributes = ata.parse_attributes(data)
    assert 0 <= (ata.life_used(attributes) or 0) <= 99
    assert 0 <= (ata.power_on_hours(attributes) or 0) <= 876_000
    assert 0 <= (drive_health.parse_percentage_used(data) or 0) <= 255
    assert drive_health.parse_status(Answer(b"", sense)) in (True, False, None)
    assert drive_health.is_standby(Answer(b"", sense)) in (True, False)


@given(st.text(max_size=30), st.text(max_size=6))
def test_no_word_of_an_emmc_gives_a_figure_from_nonsense(life: str, spare: str) -> None:
    health = block.parse_emmc_health(life, spare)
    assert health["wear_percent"] in (None, *range(10, 111, 10))
