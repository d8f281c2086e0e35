"""Reports that wait for the server, on disk.

Segments hold them one behind the other, each behind its number, length and checksum: keeping one is one append and one
fsync, and a torn one is told from a whole one, counted and left out. A segment whose reports the server has is emptied
or removed; a report is resent byte for byte. When the spool is full, every second report of a segment in its older half
goes, so that the first and the newest stay, and the next report tells the gap.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from muster_agent.files import NEW, append, private_directory, read_json, remove, write_in_place, write_whole

_MOST_IN_MEMORY = 8
_MOST_REJECTED = 20
_MOST_GAPS = 20  # of one report
# Numbers are taken on disk this many ahead: when the disk turns read-only, there are some left to say so with.
_AHEAD = 64
_SEGMENTS = 64  # of a full spool
_STREAM = re.compile(r"[0-9a-f]{32}")
_SEGMENT = re.compile(r"([0-9]{12})\.spool")
_HEAD = re.compile(rb"^#([0-9]{12}) ([0-9]{9}) ([0-9a-f]{8})\n", re.MULTILINE)
_HEAD_BYTES = len(b"#000000000000 000000000 00000000\n")
_COLLECTED_AT = re.compile(rb'"collected_at":"([0-9T:.Z-]{20,32})"')


class Record(NamedTuple):
    """A report in a segment: its number, and where its bytes are. Torn: `report` is None."""

    sequence: int
    begin: int
    end: int
    report: bytes | None


class _Place(NamedTuple):
    segment: int
    begin: int
    end: int


def records(raw: bytes) -> Iterator[Record]:
    """What stands in a segment, in order; what is neither is passed over."""
    at = 0
    while head := _HEAD.search(raw, at):
        begin, end = head.end(), head.end() + int(head[2])
        report = raw[begin:end]
        whole = zlib.crc32(report) == int(head[3], 16) and raw[end : end + 1] == b"\n"
        yield Record(int(head[1]), begin, end, report if whole else None)
        at = end + 1 if whole else head.end()


def _encoded(sequence: int, report: bytes) -> bytes:
    return b"#%012d %09d %08x\n%b\n" % (sequence, len(report), zlib.crc32(report), report)


class Spool:
    """The spool in one directory. Not for several processes at once."""

    def __init__(self, directory: str, most_bytes: int) -> None:
        """Open or make a spool; raises OSError when the directory cannot be used."""
        self._directory = directory
        self._most_bytes, self._segment_bytes = most_bytes, most_bytes // _SEGMENTS
        private_directory(directory)
        private_directory(self._path("rejected"))
        self._memory: dict[int, bytes] = {}  # what could not be written: the disk is full
        self._losses: dict[str, Any] = {}
        self._gaps: list[dict[str, Any]] = []
        self._dropped: list[int] = []
        self._segments: dict[int, int] = {}  # name → bytes
        self._waiting: dict[int, _Place] = {}
        self.kept_at = self._kept_at()  # before what is torn is mended
        self._read_segments()
        about = read_json(self._path("stream.json"))
        stream, following = about.get("stream"), about.get("next")
        known = isinstance(stream, str) and _STREAM.fullmatch(stream)
        self.stream: str = stream if known and isinstance(stream, str) else os.urandom(16).hex()
        used = (*self._waiting, *self._segments, *self._dropped)
        self._next = max(following if isinstance(following, int) else 1, 1, *(n + 1 for n in used))
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
        newest = max(self._segments, default=None)
        name = sequence if newest is None or self._segments[newest] >= self._segment_bytes else newest
        record, begin = _encoded(sequence, report), self._segments.get(name, 0)
        try:
            append(self._segment(name), record, at=begin)
        except OSError:
            self._memory[sequence] = report
            self._losses["spool_full"] = True
            if len(self._memory) > _MOST_IN_MEMORY:
                self._lose(min(self._memory))
            return
        self._segments[name] = begin + len(record)
        end = begin + len(record) - 1
        self._waiting[sequence] = _Place(name, end - len(report), end)
        while sum(self._segments.values()) > self._most_bytes and self._thin():
            pass

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
        report = self._memory.get(sequence) or self._read(sequence)
        with suppress(OSError):  # for whoever looks into it later
            write_whole(self._path(f"rejected/{sequence:012}.json"), report or b"")
        for old in sorted(os.listdir(self._path("rejected")))[:-_MOST_REJECTED]:
            remove(self._path(f"rejected/{old}"))
        self._drop(sequence)
        self._count("rejected_reports")

    def take_losses(self) -> tuple[dict[str, Any], list[int]]:
        """What went wrong since it was last asked, for the wire, and the numbers of the reports that are gone."""
        losses, dropped, gaps = self._losses, self._dropped, self._gaps[-_MOST_GAPS:]
        self._losses, self._dropped, self._gaps = {}, [], []
        return ({**losses, "gaps": gaps} if gaps else losses), dropped

    def close(self) -> None:
        """Give back the numbers that were taken and not used, and the room of what the server has."""
        held = dict.fromkeys(self._segments, 0)
        for place in self._waiting.values():
            held[place.segment] += place.end + 1 - place.begin + _HEAD_BYTES
        for name, size in held.items():
            if size < self._segments[name]:
                self._rewrite(name)  # else the next run would bring it again
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

    def _thin(self) -> bool:
        """Let every second report of one segment go; gives whether any could."""
        held: dict[int, list[int]] = {}
        for sequence in sorted(self._waiting)[1:-1]:
            held.setdefault(self._waiting[sequence].segment, []).append(sequence)
        older = sorted(held)[: max(1, len(held) // 2)]
        largest = max(older, key=lambda name: (self._segments[name], -name), default=None)
        if largest is None or not held[largest][::2]:
            return False
        gone = held[largest][::2]
        self._tell_gap(gone)
        for sequence in gone:
            self._lose(sequence)
        return self._rewrite(largest)

    def _rewrite(self, name: int) -> bool:
        """Write a segment anew with what of it still waits; gives whether that could be done."""
        kept = sorted(sequence for sequence, place in self._waiting.items() if place.segment == name)
        reports = [(sequence, report) for sequence in kept if (report := self._read(sequence)) is not None]
        content = b"".join(_encoded(*pair) for pair in reports)
        if name not in self._segments:
            return True  # it went with its last report
        try:
            write_whole(self._segment(name), content)
        except OSError:
            return False  # it stays as it was, with more than it needs
        self._segments[name] = len(content)
        self._waiting.update((r.sequence, _Place(name, r.begin, r.end)) for r in records(content))
        return True

    def _tell_gap(self, gone: list[int]) -> None:
        found = (_COLLECTED_AT.search(self._read(sequence) or b"") for sequence in gone)
        times = sorted(match[1].decode() for match in found if match)
        if times:
            self._gaps.append({"first_at": times[0], "last_at": times[-1], "reports": len(gone)})

    def _lose(self, sequence: int) -> None:
        self._drop(sequence)
        self._dropped.append(sequence)
        self._count("thinned_reports")

    def _drop(self, sequence: int) -> None:
        self._memory.pop(sequence, None)
        place = self._waiting.pop(sequence, None)
        if place is None or any(other.segment == place.segment for other in self._waiting.values()):
            return
        # Nothing in it waits any more. The newest is emptied, so that the next report needs no new file.
        if place.segment == max(self._segments):
            with suppress(OSError):
                self._empty(place.segment)
        else:
            remove(self._segment(place.segment))
            del self._segments[place.segment]

    def _empty(self, name: int) -> None:
        path = self._segment(name)
        kept_at = os.stat(path).st_mtime_ns
        os.truncate(path, 0)
        self._segments[name] = 0
        os.utime(path, ns=(kept_at, kept_at))  # when a report was kept, not when the server had it

    def _read(self, sequence: int) -> bytes | None:
        place = self._waiting.get(sequence)
        if place is None:
            return None
        try:
            with open(self._segment(place.segment), "rb") as file:
                file.seek(place.begin - _HEAD_BYTES)
                found = next(records(file.read(place.end + 1 - file.tell())), None)
        except (OSError, ValueError):
            return None
        return found.report if found and found.sequence == sequence else None

    def _read_segments(self) -> None:
        for name in sorted(os.listdir(self._directory)):
            if name.endswith(NEW):
                remove(self._path(name))
            elif match := _SEGMENT.fullmatch(name):
                self._read_segment(int(match[1]))

    def _read_segment(self, name: int) -> None:
        with open(self._segment(name), "rb") as file:
            raw = file.read()
        self._segments[name] = 0  # up to its last whole report: behind half a line the next one would not be found
        torn = []
        for record in records(raw):
            if record.report is None:
                torn.append(record.sequence)
            else:
                self._waiting[record.sequence] = _Place(name, record.begin, record.end)
                self._segments[name] = record.end + 1
        for sequence in torn:
            if sequence not in self._waiting:
                self._lose(sequence)
        if torn:
            self._rewrite(name)  # else they would be counted by every run

    def _kept_at(self) -> float | None:
        """When an earlier run last kept a report, in seconds since 1970; None when no run did."""
        newest = max(filter(_SEGMENT.fullmatch, os.listdir(self._directory)), default=None)
        return os.stat(self._path(newest)).st_mtime if newest else None

    def _count(self, name: str) -> None:
        self._losses[name] = self._losses.get(name, 0) + 1

    def _segment(self, name: int) -> str:
        return self._path(f"{name:012}.spool")

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)
