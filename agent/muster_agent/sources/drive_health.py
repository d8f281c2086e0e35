"""How worn drives are, as they say themselves: NVMe's health log, ATA's SMART. Read by root's unit, once a day.

Enters: what drives answer. Leaves: `wear_percent`, `power_on_hours`, `failing`, as far as the drive tells. A
drive that sleeps is not woken. Sources: ACS-4 (SMART, Device Statistics log page 07h), SAT-4 (ATA Return descriptor).
"""

from __future__ import annotations

import struct
from typing import Any

from muster_agent.machine import Machine
from muster_agent.sources import block, root_facts
from muster_agent.sources.ata import life_used, parse_attributes, power_on_hours
from muster_agent.sources.nvme import LOG_BYTES, parse_health
from muster_agent.sources.passthrough import Answer, Command

_SECTOR = LOG_BYTES
_EVERY_NAMESPACE, _HEALTH_LOG = 0xFFFF_FFFF, 0x02
_LOG_WORDS = struct.pack("<BI6I", 0x02, _EVERY_NAMESPACE, _HEALTH_LOG | (_SECTOR // 4 - 1) << 16, 0, 0, 0, 0, 0)
_READ_LOG = 0x2F
_SMART, _WEAR_PAGE = 0xC24F00, 0x0704  # LBA: the key of every SMART command; page 07h of log 04h
_STANDBY = {0x00, 0x01}
_SMART_GOOD, _SMART_BAD = (0x4F, 0xC2), (0xF4, 0x2C)

Health = dict[str, Any]


def read_health(machine: Machine) -> dict[str, Health]:
    """Built-in drive → its health; of one that sleeps, what it said when it was last awake."""
    before = root_facts.read_part(machine, "drives") or {}
    found = {}
    for drive in block.read_drives(machine):
        name = str(drive["name"])
        try:
            told = _of_nvme(machine, name) if name.startswith("nvme") else _of_ata(machine, name)
        except OSError:
            continue  # not of that kind, or behind a controller that does not pass commands on
        health = before.get(name) if told is None else told
        if health:
            found[name] = health
    return found


def _of_nvme(machine: Machine, name: str) -> Health:
    return parse_health(machine.ask_drive(f"/dev/{name}", Command(_LOG_WORDS, _SECTOR)).data)


def _of_ata(machine: Machine, name: str) -> Health | None:
    """None while the drive sleeps."""
    device = f"/dev/{name}"
    if is_standby(machine.ask_drive(device, _ata(0xE5))):
        return None
    attributes = parse_attributes(machine.ask_drive(device, _ata(0xB0, feature=0xD0, lba=_SMART, reads=True)).data)
    try:
        used = parse_percentage_used(machine.ask_drive(device, _ata(_READ_LOG, lba=_WEAR_PAGE, reads=True)).data)
    except OSError:
        used = None  # an older drive
    turns = machine.read_or_none(f"/sys/block/{name}/queue/rotational") != "0"
    return {
        "wear_percent": None if turns else used if used is not None else life_used(attributes),
        "power_on_hours": power_on_hours(attributes),
        "failing": parse_status(machine.ask_drive(device, _ata(0xB0, feature=0xDA, lba=_SMART))),
    }


def _ata(command: int, *, feature: int = 0, lba: int = 0, reads: bool = False) -> Command:
    """ATA PASS-THROUGH (16); without data, the drive's registers are asked for instead."""
    extended = command == _READ_LOG
    protocol, flags = ((4 << 1) | extended, 0x0E) if reads else (3 << 1, 0x20)
    low, middle, high = lba & 0xFF, lba >> 8 & 0xFF, lba >> 16 & 0xFF
    words = bytes((0x85, protocol, flags, 0, feature, 0, int(reads), 0, low, 0, middle, 0, high, 0, command, 0))
    return Command(words, _SECTOR if reads else 0)


def is_standby(answer: Answer) -> bool:
    """Whether CHECK POWER MODE says that the drive sleeps."""
    registers = _registers(answer.sense)
    return registers is not None and registers[0] in _STANDBY


def parse_status(answer: Answer) -> bool | None:
    """What SMART RETURN STATUS says: whether the drive expects to fail."""
    registers = _registers(answer.sense)
    return None if registers is None else {_SMART_GOOD: False, _SMART_BAD: True}.get(registers[1:])


def _registers(sense: bytes) -> tuple[int, int, int] | None:
    """(count, LBA middle, LBA high) out of descriptor or fixed format sense."""
    if len(sense) >= 22 and sense[0] & 0x7F == 0x72 and sense[8] == 0x09:
        return sense[13], sense[17], sense[19]
    if len(sense) >= 12 and sense[0] & 0x7F == 0x70:
        return sense[6], sense[10], sense[11]
    return None


def parse_percentage_used(page: bytes) -> int | None:
    """Device Statistics page 07h: the percentage used endurance indicator, where it is supported and valid."""
    if len(page) < 16 or page[2] != 0x07 or page[15] & 0xC0 != 0xC0:
        return None
    return page[8]
