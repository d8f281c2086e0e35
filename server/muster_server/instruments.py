"""Counters of this process, as Prometheus reads them. Who counts imports the counter; `/metrics` shows them all."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

REGISTRY = CollectorRegistry(auto_describe=True)

REPORTS = Counter(
    "muster_reports",
    "Reports that this server process answered, by what became of them.",
    ["outcome"],
    registry=REGISTRY,
)
ENROLMENTS = Counter("muster_enrolments", "Devices that this server process enrolled.", registry=REGISTRY)
for outcome in ("accepted", "duplicate", "refused", "turned_away"):
    REPORTS.labels(outcome)
