"""Builds one report: which collectors run, what of it is new, and the bytes that are kept and sent unchanged.

Enters: a machine, what was sent before, what the server wants. Leaves: the JSON of one report.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from muster_agent.collectors import COLLECTORS, Collector, run_collector, tell_again
from muster_agent.config import Settings
from muster_agent.guard import Guard
from muster_agent.machine import Machine
from muster_agent.sampler import Sampler
from muster_agent.sources.news import digest_of
from muster_agent.worker import HungError, Worker

_WANTED_AGAIN_SECONDS = 3_600.0
_PATIENCE_SECONDS = 120.0  # with one collector, whose programs have 10 s each
_MOST_ABANDONED = 2
_NOTEBOOK_FORM = 1  # another form, of an older agent or a newer one, is begun anew
_ABSENT = {"outcome": "absent", "seconds": None, "problem": None}
_NEWS = frozenset(("starts", "sign_ins"))
_MOST_NEWS = 200
_RARE = frozenset(collector.name for collector in COLLECTORS if collector.rare)


class Collected(NamedTuple):
    """What one round of collectors brought: sections and outcomes by name."""

    sections: dict[str, Any]
    outcomes: dict[str, Any]


class Reporter:
    """Remembers what the server was told, so that facts that rarely change go once."""

    def __init__(self, machine: Machine, settings: Settings, *, hardware_hash: str | None) -> None:
        self._machine = machine
        self._settings = settings
        self.hardware_hash = hardware_hash  # None until it is known
        self.guard = Guard(machine)
        self._worker = Worker(_PATIENCE_SECONDS)
        self._hurried = False
        self._told: dict[str, tuple[str, int]] = {}  # rare section -> its digest, and the number of the report it is in
        self._news_in: list[int] = []  # the numbers of the last reports with what collectors tell once
        self._stamps: dict[str, Any] = {}  # rare section -> the stamp it had when it was last collected
        self._wanted: set[str] = set()
        self._answered: dict[str, float] = {}  # section -> when a want was last met

    def remember(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave in an earlier run; what is not of that shape is forgotten."""
        self.guard.remember(state.get("off"))
        told = state.get("told")
        for name, entry in told.items() if isinstance(told, dict) else ():
            if isinstance(entry, list) and [type(part) for part in entry] == [str, int]:
                self._told[name] = (entry[0], entry[1])
        news_in = state.get("news_in")
        self._news_in = [n for n in news_in if type(n) is int][-_MOST_NEWS:] if isinstance(news_in, list) else []
        notebook = state.get("notebook")
        if isinstance(notebook, dict) and notebook.get("form") == _NOTEBOOK_FORM:
            self._machine.notebook.update(notebook["pages"])

    def state(self) -> dict[str, Any]:
        """What to remember until the next run."""
        pages = {"form": _NOTEBOOK_FORM, "pages": self._machine.notebook}
        return {"told": self._told, "news_in": self._news_in, "off": self.guard.state(), "notebook": pages}

    def forget(self) -> None:
        """Tell everything again, since the server is another or knows us as another."""
        self._told, self._news_in = {}, []
        tell_again(self._machine, everything=True)

    def lost(self, sequences: Iterable[int]) -> None:
        """Tell again what stood in reports that never reached the server."""
        gone = set(sequences)
        if gone.intersection(self._news_in):
            tell_again(self._machine, everything=False)
        self._told = {name: entry for name, entry in self._told.items() if entry[1] not in gone}

    def not_built(self) -> None:
        """What was collected is in no report: collectors that tell what is new alone tell it again."""
        tell_again(self._machine, everything=False)

    def want(self, names: Iterable[str]) -> None:
        """Put the rare sections that the server asks for into the next report; the same one once an hour at most.

        A server that cannot fold keeps asking: it must not be sent its inventory over and over.
        """
        since = self._machine.elapsed() - _WANTED_AGAIN_SECONDS
        self._wanted = {name for name in _RARE.intersection(names) if self._answered.get(name, since) <= since}

    @property
    def is_wanted(self) -> bool:
        """Whether the server asked for something that it is still to be given."""
        return bool(self._wanted)

    def collect(self, names: Iterable[str] | None = None) -> Collected:
        """Run the collectors that are due, or those of them that `names` holds."""
        found = Collected({}, {})
        for collector in COLLECTORS:
            if (names is None or collector.name in names) and self._is_due(collector):
                stamp = collector.stamp(self._machine) if collector.stamp else None
                with self.guard.watching(collector.name):
                    section, found.outcomes[collector.name] = self._run(collector)
                self._stamps[collector.name] = None if section is None else stamp
                if section is not None and section != []:
                    found.sections[collector.name] = section
        if not self._settings.software_titles:
            found.outcomes["software"] = _ABSENT  # else the server would ask for it
        return found

    def build(
        self, report_id: str, collected: Collected, *, sampler: Sampler, losses: dict[str, Any] | None = None
    ) -> bytes:
        """One report of what was collected and is new, of all that the sampler counted and of `losses`.

        `report_id` is `<stream>:<sequence>`, `losses` the spool's part of AgentHealth on the wire.
        """
        sequence = int(report_id.rpartition(":")[2])
        sections = {n: found for n, found in collected.sections.items() if self._is_news(n, found, sequence=sequence)}
        if "starts" in sections and not self._settings.culprit_names:
            sections["starts"] = [{**start, "culprits": []} for start in sections["starts"]]
        if not _NEWS.isdisjoint(sections):
            self._news_in = [*self._news_in, sequence][-_MOST_NEWS:]
        met = self._wanted & collected.outcomes.keys()
        self._answered.update(dict.fromkeys(met, self._machine.elapsed()))
        self._wanted = set()
        use = sampler.drain()
        if use is not None:
            sections["use"] = use
        about_itself = {**self.guard.report(), **(losses or {})}
        if about_itself:
            sections["agent"] = about_itself
        return self._encoded(report_id, {**collected.outcomes, "use": sampler.outcome()}, sections=sections)

    def hurry(self, seconds: float) -> None:
        """From now on a collector, and a program that it waits for, has this long: the agent was told to stop."""
        self._hurried, self._machine.patience_seconds, self._worker.patience_seconds = True, seconds, 2 * seconds

    @property
    def is_worn_out(self) -> bool:
        """Whether the process should end and begin anew: two collectors hang in it, or one burns the processor."""
        abandoned = self._worker.abandoned
        return abandoned >= _MOST_ABANDONED or (abandoned > 0 and self.guard.burns())

    def _run(self, collector: Collector) -> tuple[Any, dict[str, Any]]:
        try:
            section, outcome = self._worker.run(lambda: run_collector(self._machine, collector))
        except HungError:
            seconds = self._worker.patience_seconds
            self.not_built()  # it may go on behind our back, and think that it was heard
            if not self._hurried:
                self.guard.switch_off(collector.name, f"did not end within {seconds:.0f} s")
            return None, {"outcome": "failed", "seconds": seconds, "problem": "did not end in time"}
        return section, outcome

    def _is_due(self, collector: Collector) -> bool:
        if collector.name == "software" and not self._settings.software_titles:
            return False
        if collector.stamp and collector.name in self._told and collector.name not in self._wanted:
            known = self._stamps.get(collector.name)
            if known is not None and known == collector.stamp(self._machine):
                return False
        return not self.guard.disables(collector.name)

    def _is_news(self, name: str, section: Any, *, sequence: int) -> bool:
        if name not in _RARE:
            return True
        digest = digest_of(section)
        if self._told.get(name, ("",))[0] == digest and name not in self._wanted:
            return False
        self._told[name] = (digest, sequence)
        return True

    def _encoded(self, report_id: str, outcomes: dict[str, Any], *, sections: dict[str, Any]) -> bytes:
        report = {
            "report_id": report_id,
            "schema": 1,
            "collected_at": self._machine.now(),
            "boot_id": self._machine.boot_id(),
            "monotonic_seconds": round(self._machine.elapsed(), 3),
            "hardware_hash": self.hardware_hash,
            "outcomes": outcomes,
            "sections": sections,
        }
        return json.dumps(report, separators=(",", ":"), allow_nan=False).encode()


def envelope(machine: Machine, version: str, *, reports: list[bytes]) -> bytes:
    """The body of a request around reports, which stay as they are to the byte."""
    head = {
        "sent_at": machine.now(),
        "boot_id": machine.boot_id(),
        "monotonic_seconds": round(machine.elapsed(), 3),
        "agent": {"version": version, "platform": sys.platform},
    }
    opened = json.dumps(head, separators=(",", ":")).encode()[:-1]
    return opened + b',"reports":[' + b",".join(reports) + b"]}"
