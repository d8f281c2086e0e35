"""Reports that wait for the server, on disk.

One file a report, named by its sequence, a checksum in its first line: a torn file is told from a whole one, counted
and left out. A report is resent byte for byte. When the spool is full, older reports from the middle are thinned out,
so that the first and the newest stay; the next report says how many.
"""

from __future__ import annotations

import os
import zlib
from typing import Any

from muster_agent.files import read_json, remove, write_whole

_MOST_IN_MEMORY = 8


class Spool:
    """The spool in one directory. Not for several processes at once."""

    def __init__(self, directory: str, most_bytes: int) -> None:
        """Open or make a spool; raises OSError when the directory cannot be used."""
        self._directory = directory
        self._most_bytes = most_bytes
        os.makedirs(os.path.join(directory, "rejected"), mode=0o700, exist_ok=True)
        self._about = self._path("stream.json")
        about = read_json(self._about)
        self._waiting = self._read_waiting()
        self.stream: str = about.get("stream") or os.urandom(16).hex()
        self._next = max([int(about.get("next") or 1), *(sequence + 1 for sequence in self._waiting)])
        self._memory: dict[int, bytes] = {}  # what could not be written: the disk is full
        self.losses: dict[str, Any] = {}
        if "stream" not in about:
            self._remember()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._memory)

    def next_id(self) -> tuple[int, str]:
        """The number and id of the next report; a number is never given twice, not even after a crash."""
        sequence = self._next
        self._next += 1
        self._remember()
        return sequence, f"{self.stream}:{sequence}"

    def add(self, sequence: int, report: bytes) -> None:
        """Keep a report until it is acknowledged. On a full disk it stays in memory, and the next report says so."""
        try:
            write_whole(self._report(sequence), b"%08x\n" % zlib.crc32(report) + report)
            self._waiting[sequence] = len(report)
        except OSError:
            self._memory[sequence] = report
            self.losses["spool_full"] = True
            while len(self._memory) > _MOST_IN_MEMORY:
                self._memory.pop(min(self._memory))
                self._count("thinned_reports")
        self._thin()

    def batch(self, most_reports: int, most_bytes: int) -> list[tuple[int, bytes]]:
        """The newest reports that fit together, newest first; torn ones are counted and dropped."""
        found: list[tuple[int, bytes]] = []
        size = 0
        for sequence in sorted((*self._waiting, *self._memory), reverse=True):
            report = self._memory.get(sequence) or self._read(sequence)
            if report is None:
                self._drop(sequence)
                self._count("thinned_reports")
                continue
            if found and (len(found) == most_reports or size + len(report) > most_bytes):
                break
            found.append((sequence, report))
            size += len(report)
        return found

    def done(self, sequences: list[int]) -> None:
        """Forget reports that the server has."""
        for sequence in sequences:
            self._drop(sequence)

    def reject(self, sequence: int) -> None:
        """Put a report that the server will never take aside, and count it in the next one."""
        try:
            os.replace(self._report(sequence), self._path(f"rejected/{sequence:012}.json"))
        except OSError:
            remove(self._report(sequence))
        for old in sorted(os.listdir(self._path("rejected")))[:-20]:
            remove(self._path(f"rejected/{old}"))
        self._waiting.pop(sequence, None)
        self._memory.pop(sequence, None)
        self._count("rejected_reports")

    def take_losses(self) -> dict[str, Any]:
        """What went wrong since the last report, once."""
        losses, self.losses = self.losses, {}
        return losses

    def _thin(self) -> None:
        while sum(self._waiting.values()) > self._most_bytes and len(self._waiting) > 2:
            ordered = sorted(self._waiting)
            self._drop(ordered[max(1, len(ordered) // 4)])
            self._count("thinned_reports")

    def _drop(self, sequence: int) -> None:
        remove(self._report(sequence))
        self._waiting.pop(sequence, None)
        self._memory.pop(sequence, None)

    def _read(self, sequence: int) -> bytes | None:
        try:
            with open(self._report(sequence), "rb") as file:
                checksum, _, report = file.read().partition(b"\n")
        except OSError:
            return None
        return report if checksum == b"%08x" % zlib.crc32(report) else None

    def _read_waiting(self) -> dict[int, int]:
        names = [name for name in os.listdir(self._directory) if name[:12].isdigit() and name.endswith(".json")]
        return {int(name[:12]): os.path.getsize(self._path(name)) for name in names}

    def _remember(self) -> None:
        try:
            write_whole(self._about, b'{"stream":"%s","next":%d}' % (self.stream.encode(), self._next))
        except OSError:
            self.losses["spool_full"] = True

    def _count(self, name: str) -> None:
        self.losses[name] = self.losses.get(name, 0) + 1

    def _report(self, sequence: int) -> str:
        return self._path(f"{sequence:012}.json")

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)
