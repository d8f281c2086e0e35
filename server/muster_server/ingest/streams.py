"""What was seen of one stream of reports: decides what is new, a duplicate, or another device's (a clone).

Pure. Enters: the stored window and a report's sequence and digest. Leaves: a verdict and the new window.
A window is the highest sequence, a bitmap of the last 4,096 and a 4-byte digest of the last 256.
"""

from __future__ import annotations

import zlib
from typing import Literal

SEEN = 4_096
DIGESTS = 256
_MASK = (1 << SEEN) - 1

Arrival = Literal["new", "duplicate", "clone"]


class Window:
    """The window of one stream; `take` says what a sequence is and remembers it when new."""

    __slots__ = ("digests", "highest", "seen")

    def __init__(self, highest: int = 0, bitmap: bytes = b"", *, digests: bytes = b"") -> None:
        """`bitmap` is little-endian, bit 0 the highest sequence; `digests` holds 4 bytes at 4 * (sequence % 256)."""
        self.highest = highest
        self.seen = int.from_bytes(bitmap, "little")
        self.digests = bytearray(digests)

    def take(self, sequence: int, digest: bytes) -> Arrival:
        """What the report is. `digest` is `digest_of` its bytes as received."""
        behind = self.highest - sequence
        if behind < 0:
            self.seen = (self.seen << min(-behind, SEEN) | 1) & _MASK
            self.highest = sequence
        elif behind >= SEEN:
            return "duplicate"  # below the bitmap
        elif self.seen >> behind & 1:
            return "duplicate" if behind >= DIGESTS or self._digest(sequence) == digest else "clone"
        else:
            self.seen |= 1 << behind
        if behind < DIGESTS:
            self._remember(sequence, digest)
        return "new"

    @property
    def bitmap(self) -> bytes:
        """The bitmap as stored, no longer than its highest bit needs."""
        return self.seen.to_bytes((self.seen.bit_length() + 7) // 8, "little")

    def _digest(self, sequence: int) -> bytes:
        place = 4 * (sequence % DIGESTS)
        return bytes(self.digests[place : place + 4])

    def _remember(self, sequence: int, digest: bytes) -> None:
        place = 4 * (sequence % DIGESTS)
        if len(self.digests) < place + 4:
            self.digests.extend(bytes(place + 4 - len(self.digests)))
        self.digests[place : place + 4] = digest


def digest_of(report: bytes | memoryview) -> bytes:
    """4 bytes (CRC-32) of a report as received: the spool resends bytes unchanged, so other content differs."""
    return zlib.crc32(report).to_bytes(4, "little")
