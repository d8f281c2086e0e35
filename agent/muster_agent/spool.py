"""Reports that wait for the server, on disk.

One file a report, named by its sequence, a checksum in its first line: a torn file is told from a whole one, counted
and left out. A report is resent byte for byte. When the spool is full, older reports from the middle are thinned out,
so that the first and the newest stay; the next report says how many.
"""

from __future__ import annotations

import os
import re
import zlib
from contextlib import suppress
from typing import Any

from muster_agent.files import NEW, private_directory, read_json, remove, write_in_place, write_whole

_MOST_IN_MEMORY = 8
_MOST_REJECTED = 20
# Numbers are taken on disk this many ahead: when the disk turns read-only, there are some left to say so with.
_AHEAD = 64
_STREAM = re.compile(r"[0-9a-f]{32}")
_REPORT = re.compile(r"([0-9]{12})\.json")


class Spool:
    """The spool in one directory. Not for several processes at once."""

    def __init__(self, directory: str, most_bytes: int) -> None:
        """Open or make a spool; raises OSError when the directory cannot be used."""
        self._directory = directory
        self._most_bytes = most_bytes
        private_directory(directory)
        private_directory(self._path("rejected"))
        self._waiting = self._read_waiting()
        self._memory: dict[int, bytes] = {}  # what could not be written: the disk is full
        self._losses: dict[str, Any] = {}
        self._dropped: list[int] = []
        about = read_json(self._path("stream.json"))
        stream, following = about.get("stream"), about.get("next")
        known = isinstance(stream, str) and _STREAM.fullmatch(stream)
        self.stream: str = stream if known and isinstance(stream, str) else os.urandom(16).hex()
        self._next = max(following if isinstance(following, int) else 1, 1, *(n + 1 for n in self._waiting))
        self._taken = self._next  # numbers below are never given to a later run

    def __len__(self) -> int:
        return len(self._waiting) + len(self._memory)

    def next_id(self) -> tuple[int, str]:
        """The number and id of the next report; a number is never given twice, not even after a crash.

        Raises OSError when the disk takes no more numbers.
        """
        if self._next >= self._taken:
            try:
                self._take(self._next + _AHEAD)
            except OSError:
                self._losses["spool_full"] = True
                raise
        sequence = self._next
        self._next += 1
        return sequence, f"{self.stream}:{sequence}"

    def add(self, sequence: int, report: bytes) -> None:
        """Keep a report until it is acknowledged. On a full disk it stays in memory, and the next report says so."""
        try:
            write_whole(self._report(sequence), b"%08x\n" % zlib.crc32(report) + report)
            self._waiting[sequence] = len(report)
        except OSError:
            self._memory[sequence] = report
            self._losses["spool_full"] = True
            if len(self._memory) > _MOST_IN_MEMORY:
                self._lose(min(self._memory))
        while sum(self._waiting.values()) > self._most_bytes and len(self._waiting) > 2:
            ordered = sorted(self._waiting)
            self._lose(ordered[max(1, len(ordered) // 4)])

    def batch(self, most_reports: int, most_bytes: int) -> list[tuple[int, bytes]]:
        """The newest reports that fit together, newest first; torn ones are counted and dropped."""
        found: list[tuple[int, bytes]] = []
        size = 0
        for sequence in sorted((*self._waiting, *self._memory), reverse=True):
            report = self._memory.get(sequence) or self._read(sequence)
            if report is None:
                self._lose(sequence)
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
        with suppress(OSError):  # it may be in memory alone
            os.replace(self._report(sequence), self._path(f"rejected/{sequence:012}.json"))
        for old in sorted(os.listdir(self._path("rejected")))[:-_MOST_REJECTED]:
            remove(self._path(f"rejected/{old}"))
        self._drop(sequence)
        self._count("rejected_reports")

    def take_losses(self) -> tuple[dict[str, Any], list[int]]:
        """What went wrong since it was last asked, for the wire, and the numbers of the reports that are gone."""
        losses, dropped = self._losses, self._dropped
        self._losses, self._dropped = {}, []
        return losses, dropped

    def close(self) -> None:
        """Give back the numbers that were taken and not used."""
        try:
            self._take(self._next)
        except OSError:
            return  # they stay unused

    def _take(self, following: int) -> None:
        path, content = self._path("stream.json"), b'{"stream":"%s","next":%15d}' % (self.stream.encode(), following)
        try:
            write_whole(path, content)
        except OSError:
            write_in_place(path, content)  # which is always as long
        self._taken = following

    def _lose(self, sequence: int) -> None:
        self._drop(sequence)
        self._dropped.append(sequence)
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
        names = os.listdir(self._directory)
        for name in names:
            if name.endswith(NEW):
                remove(self._path(name))
        found = [match for match in map(_REPORT.fullmatch, names) if match]
        return {int(match[1]): os.path.getsize(self._path(match[0])) for match in found}

    def _count(self, name: str) -> None:
        self._losses[name] = self._losses.get(name, 0) + 1

    def _report(self, sequence: int) -> str:
        return self._path(f"{sequence:012}.json")

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)
