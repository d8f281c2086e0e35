"""Starts and sign-ins as signals: one population of each, never a mixture, and how runs ended.

Pure. Enters: rows of the store of one window. Leaves: columns of `signals`. A population is of one kind, to one mark,
of one quality; the mark that stands for it is the first with enough samples of one quality.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import msgspec

from muster_server.health.percentile import LEAST_OF_TENTH, LEAST_SAMPLES, ranked
from muster_server.ingest.starts import Culprit

Row = dict[str, Any]
# Starts from nothing. A resume or a soft reboot is another population, shown and not scored.
_SCORED_STARTS = ("full", "fast_startup")
# What people wait for on ordinary days. The first sign-in on a device makes a profile, an unlock makes nothing. Linux
# cannot tell a first one: its ordinary ones are of unknown kind, a population of their own.
_SCORED_SIGN_INS = ("cached", "roaming", "unknown")
_ORDERLY_STOPS = ("clean", "update")
_culprits = msgspec.json.Decoder(list[Culprit])
_QUALITY_RANK = {"measured": 2, "own": 1, "estimated": 0}


@dataclass(frozen=True)
class _Population:
    """Rows of one kind to one mark of one quality; without a mark there are too few, `samples` at most of one sort."""

    samples: int
    kind: str | None = None
    mark: str | None = None
    quality: str | None = None
    rows: tuple[Row, ...] = ()

    def ranked(self, share: float, least: int = LEAST_SAMPLES) -> tuple[int | None, bool | None]:
        """(milliseconds, whether they are a lower bound) that `share` of the rows do not exceed."""
        values = [(row[f"{self.mark}_ms"], bool(row[f"{self.mark}_at_least"])) for row in self.rows]
        value, at_least = ranked(values, share, least=least)
        return value, None if value is None else at_least


def start_signals(starts: list[Row]) -> Row:
    """The slowest scored kind that has enough samples; else how many samples there are of the best-known one."""
    scored = [start for start in starts if start["kind"] in _SCORED_STARTS and not start["after_update"]]
    found = _slowest(scored, ("to_usable", "to_desktop", "to_settled"))
    median, tenth = found.ranked(0.5), found.ranked(0.9, LEAST_OF_TENTH)
    return {
        "start_mark": found.mark,
        "start_kind": found.kind,
        "start_quality": found.quality,
        "start_median_ms": median[0],
        "start_median_at_least": median[1],
        "start_p90_ms": tenth[0],
        "start_p90_at_least": tenth[1],
        "start_samples": found.samples,
        "start_newest_at": max((start["zero_at"] for start in found.rows), default=None),
        "start_culprit": _culprit(found.rows),
    }


def sign_in_signals(sign_ins: list[Row]) -> Row:
    """The same of ordinary sign-ins."""
    found = _slowest([each for each in sign_ins if each["kind"] in _SCORED_SIGN_INS], ("to_usable", "to_desktop"))
    median, at_least = found.ranked(0.5)
    return {
        "sign_in_mark": found.mark,
        "sign_in_kind": found.kind,
        "sign_in_quality": found.quality,
        "sign_in_median_ms": median,
        "sign_in_median_at_least": at_least,
        "sign_in_samples": found.samples,
        "sign_in_newest_at": max((each["at"] for each in found.rows), default=None),
    }


def stop_signals(starts: list[Row]) -> Row:
    """How the runs before these starts ended; null where none tells, which is not the same as none unexpected."""
    known = [start for start in starts if start["stop_before"]]
    crashes = [start for start in known if start["stop_before"] == "bugcheck"]
    codes = Counter(start["stop_code"] for start in crashes if start["stop_code"])
    return {
        "unexpected_stops": sum(start["stop_before"] not in _ORDERLY_STOPS for start in known) if known else None,
        "bugchecks": len(crashes) if known else None,
        "bugcheck_code": max(codes, key=lambda code: (codes[code], code), default=None),
        "stops_known": len(known),
        "stops_newest_at": max((start["zero_at"] for start in known), default=None),
    }


def _slowest(rows: list[Row], marks: tuple[str, ...]) -> _Population:
    groups: dict[str, dict[tuple[str, str], list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        for mark in marks:
            if row[f"{mark}_ms"] is not None:
                groups[row["kind"]][mark, row[f"{mark}_quality"]].append(row)
    found = [_of_kind(kind, groups[kind], marks=marks) for kind in sorted(groups)]
    return max(found, key=lambda each: (each.ranked(0.5)[0] or -1, each.samples), default=_Population(0))


def _of_kind(kind: str, groups: dict[tuple[str, str], list[Row]], *, marks: tuple[str, ...]) -> _Population:
    for mark in marks:
        of_mark = {quality: rows for (name, quality), rows in groups.items() if name == mark}
        enough = [quality for quality, rows in of_mark.items() if len(rows) >= LEAST_SAMPLES]
        if enough:
            quality = max(enough, key=lambda name: _QUALITY_RANK.get(name, -1))
            return _Population(len(of_mark[quality]), kind, mark, quality, tuple(of_mark[quality]))
    return _Population(max(len(rows) for rows in groups.values()))


def _culprit(starts: tuple[Row, ...]) -> str | None:
    """The name that cost most seconds over these starts, if it stands in at least half of them."""
    seconds: Counter[str] = Counter()
    times: Counter[str] = Counter()
    for start in starts:
        for culprit in _culprits.decode(start["culprits"] or "[]"):
            seconds[culprit.name] += round(culprit.seconds * 1000)
            times[culprit.name] += 1
    frequent = [name for name, count in times.items() if 2 * count >= len(starts)]
    return max(frequent, key=lambda name: (seconds[name], name), default=None)
