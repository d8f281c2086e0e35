"""Limits that hold before any work is done: sizes, and buckets kept in memory alone.

Enters: bytes and keys from strangers. Leaves: inflated bytes within bounds, or a refusal with how long to wait.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections import OrderedDict

from muster_server.ingest.schema import MAX_INFLATED_BYTES, MAX_WIRE_BYTES

_GZIP = 16 + zlib.MAX_WBITS


class TooLargeError(Exception):
    """A body is larger than the wire or its inflated form may be."""


class BadEncodingError(Exception):
    """A body is not what its Content-Encoding says."""


def inflate(body: bytes, encoding: str) -> bytes:
    """The body without its gzip; counts while inflating, so that a bomb costs no more than the limit."""
    if len(body) > MAX_WIRE_BYTES:
        raise TooLargeError(f"The body is over {MAX_WIRE_BYTES:,} bytes: send fewer reports at once.")
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise BadEncodingError(f"Content-Encoding {encoding[:40]!r} is not known: use gzip or identity.")
    inflater = zlib.decompressobj(_GZIP)
    try:
        inflated = inflater.decompress(body, MAX_INFLATED_BYTES + 1)
    except zlib.error:
        raise BadEncodingError("The body is not gzip, though its Content-Encoding says so.") from None
    if len(inflated) > MAX_INFLATED_BYTES:
        raise TooLargeError(f"The body inflates to over {MAX_INFLATED_BYTES:,} bytes: send fewer reports at once.")
    if not inflater.eof or inflater.unused_data:
        raise BadEncodingError("The gzip body is cut short or has bytes behind its end.")
    return inflated


class Buckets:
    """A token bucket a key: `burst` at once, refilled at `per_second`. Beyond `most` keys the longest unused go."""

    def __init__(self, *, per_second: float, burst: float, most: int = 400_000) -> None:
        self._rate, self._burst, self._most = per_second, burst, most
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """0 when allowed, else the seconds until it will be."""
        now = time.monotonic()
        with self._lock:
            level, then = self._levels.pop(key, (self._burst, now))
            level = min(self._burst, level + (now - then) * self._rate)
            allowed = level >= 1
            self._levels[key] = (level - 1 if allowed else level, now)
            if len(self._levels) > self._most:
                self._levels.popitem(last=False)
        return 0.0 if allowed else (1 - level) / self._rate

    def give_back(self, key: str) -> None:
        """Undo one `take` that should not have counted."""
        with self._lock:
            if key in self._levels:
                level, then = self._levels[key]
                self._levels[key] = (min(self._burst, level + 1), then)
