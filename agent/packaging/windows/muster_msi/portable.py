"""What must be known of a Windows program file (PE32+): the names it exports, the version it bears.

Pure. Source: Microsoft's PE format, and VS_FIXEDFILEINFO.
"""

from __future__ import annotations

import struct

_FIXED_INFO = b"\xbd\x04\xef\xfe"  # VS_FIXEDFILEINFO's signature


def exports(image: bytes) -> list[str]:
    """The names that a library exports, sorted as they stand there."""
    header = _word(image, 0x3C)
    sections, optional = struct.unpack_from("<H12xH", image, header + 6)
    directory = _word(image, header + 24 + 112)
    at = header + 24 + optional
    # Of each section: size in memory, address in memory, size in the file, place in the file.
    places = [[_word(image, at + 40 * n + field) for field in (8, 12, 16, 20)] for n in range(sections)]

    def place(address: int) -> int:
        return next(raw + address - start for size, start, _, raw in places if start <= address < start + size)

    table = place(directory)
    names = place(_word(image, table + 32))
    found = (place(_word(image, names + 4 * n)) for n in range(_word(image, table + 24)))
    return [image[at : image.index(b"\0", at)].decode("ascii") for at in found]


def file_version(image: bytes) -> str | None:
    """The file's version as the installer compares it (a.b.c.d); None when it bears none."""
    at = image.find(_FIXED_INFO)
    if at < 0:
        return None
    high, low = struct.unpack_from("<II", image, at + 8)
    return f"{high >> 16}.{high & 0xFFFF}.{low >> 16}.{low & 0xFFFF}"


def _word(image: bytes, at: int) -> int:
    return int.from_bytes(image[at : at + 4], "little")
