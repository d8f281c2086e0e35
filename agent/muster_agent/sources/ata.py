"""What ATA drives keep of themselves in their SMART attributes (ACS-4, SMART READ DATA). Pure.

Enters: 512 bytes, which Linux asks the drive for and Windows hands on with a drive's own warning. Leaves: figures.
"""

from __future__ import annotations

_SECTOR = 512
_MOST_HOURS = 876_000  # a century: a larger number counts something else
_POWER_ON = 9
# Attributes whose normalised value is the life that is left in percent, the most exact first.
_LIFE_LEFT = (202, 231, 177, 233, 173, 169)


def parse_attributes(data: bytes) -> dict[int, tuple[int, int]]:
    """SMART READ DATA: attribute → (normalised value, raw value); empty when its checksum is wrong."""
    if len(data) < _SECTOR or sum(data[:_SECTOR]) & 0xFF or not any(data):
        return {}
    entries = (data[place : place + 12] for place in range(2, 362, 12))
    return {entry[0]: (entry[3], int.from_bytes(entry[5:11], "little")) for entry in entries if entry[0]}


def power_on_hours(attributes: dict[int, tuple[int, int]]) -> int | None:
    """The raw value's low three bytes; some makers keep minutes above them."""
    if _POWER_ON not in attributes:
        return None
    hours = attributes[_POWER_ON][1] & 0xFF_FFFF
    return hours if hours <= _MOST_HOURS else None


def life_used(attributes: dict[int, tuple[int, int]]) -> int | None:
    """Percent of a solid drive's life that is used up, by the attribute that its maker keeps for that."""
    left = next((attributes[number][0] for number in _LIFE_LEFT if number in attributes), None)
    return 100 - left if left is not None and 0 < left <= 100 else None
