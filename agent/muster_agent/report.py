"""Builds one report: which collectors run, what of it is new, and the bytes that are kept and sent unchanged.

Enters: a machine, what was sent before, what the server wants. Leaves: the JSON of one report.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from muster_agent.collectors import COLLECTORS, Collector, run_collector
from muster_agent.config import Settings
from muster_agent.guard import Guard
from muster_agent.machine import Machine
from muster_agent.sampler import Sampler


class Reporter:
    """Remembers what the server was told, so that facts that rarely change go once."""

    def __init__(self, machine: Machine, settings: Settings, *, hardware_hash: str | None) -> None:
        self._machine = machine
        self._settings = settings
        self._hardware_hash = hardware_hash
        self._guard = Guard(machine)
        self._told: dict[str, str] = {}  # rare section -> digest of what was last put into a report
        self._settled = False  # this boot's start is told to the end
        self.wanted: set[str] = set()
        self.losses: dict[str, Any] = {}

    def remember(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave in an earlier run."""
        told = state.get("told")
        self._told = dict(told) if isinstance(told, dict) else {}
        self._settled = bool(state.get("settled_boot")) and state.get("settled_boot") == self._machine.boot_id()

    def state(self) -> dict[str, Any]:
        """What to remember until the next run."""
        return {"told": self._told, "settled_boot": self._machine.boot_id() if self._settled else None}

    def forget(self) -> None:
        """Tell everything again: a report that held a rare section was lost."""
        self._told, self._settled = {}, False

    def build(self, report_id: str, sampler: Sampler) -> bytes:
        """One report with everything that is due now."""
        outcomes: dict[str, Any] = {}
        sections: dict[str, Any] = {}
        for collector in COLLECTORS:
            if self._is_due(collector):
                section, outcomes[collector.name] = self._collect(collector)
                # What failed is tried again: a start that systemd was too busy to tell is not lost.
                if outcomes[collector.name]["outcome"] != "failed":
                    self._take(collector, section, sections=sections)
        use = sampler.drain()
        outcomes["use"] = {"outcome": "ok", "seconds": 0.0, "problem": None}
        if use is not None:
            sections["use"] = use
        about_itself = {**self._guard.report(), **self.losses}
        if about_itself:
            sections["agent"] = about_itself
            self.losses = {}
        self.wanted = set()
        return self._encoded(report_id, outcomes, sections=sections)

    def _is_due(self, collector: Collector) -> bool:
        if collector.name == "software" and not self._settings.software_titles:
            return False
        return not (collector.name == "starts" and self._settled) and not self._guard.disables(collector.name)

    def _collect(self, collector: Collector) -> tuple[Any, dict[str, Any]]:
        with self._guard.watching(collector.name):
            return run_collector(self._machine, collector)

    def _take(self, collector: Collector, section: Any, *, sections: dict[str, Any]) -> None:
        if collector.name == "starts":
            self._settled = section is None or all(start.get("to_settled_seconds") is not None for start in section)
            if section and not self._settings.culprit_names:
                section = [{**start, "culprits": []} for start in section]
        if section is None:
            return
        if collector.rare:
            digest = hashlib.sha256(json.dumps(section, sort_keys=True).encode()).hexdigest()[:16]
            if self._told.get(collector.name) == digest and collector.name not in self.wanted:
                return
            self._told[collector.name] = digest
        sections[collector.name] = section

    def _encoded(self, report_id: str, outcomes: dict[str, Any], *, sections: dict[str, Any]) -> bytes:
        report = {
            "report_id": report_id,
            "schema": 1,
            "collected_at": self._machine.now(),
            "boot_id": self._machine.boot_id(),
            "monotonic_seconds": round(self._machine.elapsed(), 3),
            "hardware_hash": self._hardware_hash,
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
        "agent": {"version": version, "platform": "linux"},
    }
    opened = json.dumps(head, separators=(",", ":")).encode()[:-1]
    return opened + b',"reports":[' + b",".join(reports) + b"]}"
