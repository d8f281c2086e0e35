"""The SMBIOS table (DSP0134): who made the device, what class it is of, and its memory slots.

Enters: raw bytes, from firmware of any quality. Leaves: facts under the names of Linux (/sys/class/dmi/id), and memory.
A structure that is cut short ends the table; junk values are for `dmi.clean` to drop. Pure but for `read_table`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from muster_agent.machine import Machine

_MOST_BYTES, _MOST_STRUCTURES, _MOST_SLOTS = 1_000_000, 2_000, 64
_END = 127
# Type → (our name, place of the string's number in the formatted part).
_STRINGS = {
    0: (("bios_vendor", 0x04), ("bios_version", 0x05), ("bios_date", 0x08)),
    1: (("sys_vendor", 0x04), ("product_name", 0x05), ("product_version", 0x06), ("product_serial", 0x07)),
    3: (("chassis_serial", 0x07),),
}
_KINDS = {
    0x0F: "SDRAM", 0x12: "DDR", 0x13: "DDR2", 0x14: "DDR2", 0x18: "DDR3", 0x1A: "DDR4", 0x1B: "LPDDR", 0x1C: "LPDDR2",
    0x1D: "LPDDR3", 0x1E: "LPDDR4", 0x22: "DDR5", 0x23: "LPDDR5",
}  # fmt: skip
_SOLDERED = {0x05, 0x06, 0x0B}  # form factors: chip, DIP, row of chips
_SYSTEM_MEMORY = 0x03
_NO_LIMIT = 0x8000_0000


class Structure(NamedTuple):
    """One structure: its type, its formatted part with the 4-byte header, its strings from 1."""

    kind: int
    part: bytes
    strings: list[str]

    def text(self, place: int) -> str | None:
        """The string whose number stands at `place`."""
        number = self.number(place, 1)
        return self.strings[number - 1] if number and number <= len(self.strings) else None

    def number(self, place: int, size: int) -> int | None:
        """A little-endian number; None when the structure is too old, and so too short, to have it."""
        return int.from_bytes(self.part[place : place + size], "little") if place + size <= len(self.part) else None


def read_table(machine: Machine) -> bytes:
    """The raw table; raises OSError where there is none or it may not be read, which on Linux root alone may."""
    if machine.system == "windows":
        return machine.windows.firmware_table()
    return machine.read_bytes("/sys/firmware/dmi/tables/DMI", _MOST_BYTES)


def parse_table(table: bytes) -> Iterator[Structure]:
    """Its structures, as far as they are whole."""
    place = 0
    for _ in range(_MOST_STRUCTURES):
        if place + 4 > len(table):
            return
        kind, length = table[place], table[place + 1]
        end = table.find(b"\0\0", place + length)
        if length < 4 or end < 0 or kind == _END:
            return
        texts = table[place + length : end].split(b"\0")
        yield Structure(
            kind, table[place : place + length], [text.decode("utf-8", "replace").strip() for text in texts]
        )
        place = end + 2


def parse_facts(table: bytes) -> dict[str, str]:
    """What the table says of the device, by Linux' names for it; the first structure of each type counts."""
    found: dict[str, str] = {}
    for structure in parse_table(table):
        for name, place in _STRINGS.get(structure.kind, ()):
            value = structure.text(place)
            if value:
                found.setdefault(name, value)
        chassis = structure.number(0x05, 1) if structure.kind == 3 else None
        if chassis is not None:
            found.setdefault("chassis_type", str(chassis))
        if structure.kind == 1 and len(structure.part) >= 0x18:
            found.setdefault("product_uuid", _uuid(structure.part[0x08:0x18]))
    return found


def _uuid(raw: bytes) -> str:
    """The first three groups are little-endian since version 2.6, and read so by Windows and Linux alike."""
    groups = (raw[3::-1], raw[5:3:-1], raw[7:5:-1], raw[8:10], raw[10:16])
    return "-".join(group.hex() for group in groups)


def parse_memory(table: bytes) -> dict[str, Any] | None:
    """Slots of the main memory and how much it may hold; None when the table tells of no slot.

    Leaves `memory_slots` (a list of {bytes, kind, speed_mts, soldered}, bytes 0 when empty) and `memory_limit_bytes`.
    """
    arrays, slots = {}, []
    for structure in parse_table(table):
        if structure.kind == 16 and structure.number(0x05, 1) == _SYSTEM_MEMORY:
            arrays[structure.number(0x02, 2)] = _limit_bytes(structure)
        elif structure.kind == 17:
            slots.append(structure)
    ours = [slot for slot in slots if slot.number(0x04, 2) in arrays][:_MOST_SLOTS]
    limits = [limit for limit in arrays.values() if limit]
    if not ours:
        return None
    return {"memory_slots": [_slot(slot) for slot in ours], "memory_limit_bytes": sum(limits) or None}


def _limit_bytes(array: Structure) -> int | None:
    kilobytes = array.number(0x07, 4)
    if kilobytes == _NO_LIMIT:
        return array.number(0x0F, 8)
    return kilobytes * 1024 if kilobytes else None


def _slot(slot: Structure) -> dict[str, Any]:
    size, form = slot.number(0x0C, 2), slot.number(0x0E, 1)
    speed = slot.number(0x20, 2) or slot.number(0x15, 2)
    holds = _slot_bytes(slot, size)
    return {
        "bytes": holds,
        "kind": _KINDS.get(slot.number(0x12, 1) or 0) if holds else None,
        "speed_mts": speed if holds and speed and speed != 0xFFFF else None,
        "soldered": form in _SOLDERED,
    }


def _slot_bytes(slot: Structure, size: int | None) -> int | None:
    if size is None or size == 0xFFFF:
        return None
    if size == 0x7FFF:
        megabytes = slot.number(0x1C, 4)
        return None if megabytes is None else (megabytes & 0x7FFF_FFFF) * 2**20
    return (size & 0x7FFF) * 1024 if size & 0x8000 else size * 2**20
