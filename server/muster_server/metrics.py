"""`/metrics`: the estate from its newest snapshot, and Muster itself.

Enters: one snapshot row, job runs, this process's counters. Leaves: the Prometheus text format, at most 500 series at
any size of estate. A figure that is missing is missing, never zero. Values beyond the most common go into `other`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask import Blueprint, Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from muster_server import instruments
from muster_server.clock import now_ms
from muster_server.db import Database
from muster_server.health.snapshot import EstateSnapshot
from muster_server.services import current
from muster_server.store.operations import newest_runs, run_totals
from muster_server.store.snapshots import newest_snapshot

blueprint = Blueprint("metrics", __name__)
_MOST_VALUES = 20
_LONGEST_LABEL = 100

# Family -> (field of the snapshot, label, sentence).
_DEVICES = {
    "verdict": ("by_verdict", "Devices by their verdict."),
    "device_class": ("by_class", "Devices by class."),
    "os": ("by_os", "Devices by operating system."),
    "agent_version": ("by_agent_version", "Devices by the version of their agent."),
    "reported_within": ("by_silence", "Devices by how long ago they last reported."),
    "unit": ("by_unit", "Devices by unit."),
    "status": ("by_status", "Approved devices by status, also those not in use."),
}


def init_app(app: Flask) -> None:
    """Register `/metrics` on the application."""
    app.register_blueprint(blueprint)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Everything Prometheus may scrape from this process."""
    registry = CollectorRegistry()
    registry.register(_Estate(current().database))
    body = generate_latest(instruments.REGISTRY) + generate_latest(registry)
    return Response(body, content_type=CONTENT_TYPE_LATEST)


class _Estate:
    """Families made of what the store holds now."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> Iterable[Metric]:
        """Nothing: the families depend on the store."""
        return []

    def collect(self) -> Iterable[Metric]:
        """The estate's families, then those of the jobs."""
        with self._database.read() as connection:
            snapshot = newest_snapshot(connection)
            totals, newest = run_totals(connection), newest_runs(connection)
        if snapshot is not None:
            yield from _estate(snapshot)
            yield from _starts(snapshot)
            yield from _muster(snapshot)
        by_job = ["job", "outcome"]
        runs = GaugeMetricFamily("muster_job_runs_7d", "Finished runs of each job in 7 days.", labels=by_job)
        seconds = GaugeMetricFamily("muster_job_seconds_7d", "Time that those runs took together.", labels=by_job)
        for row in totals:
            runs.add_metric([row["job"], row["outcome"]], row["runs"])
            seconds.add_metric([row["job"], row["outcome"]], row["milliseconds"] / 1000)
        ended = GaugeMetricFamily("muster_job_ended_timestamp_seconds", "When each job last ended.", labels=["job"])
        for row in newest:
            ended.add_metric([row["job"]], row["ended_at"] / 1000)
        yield from (runs, seconds, ended)


def _estate(snapshot: EstateSnapshot) -> Iterable[Metric]:
    yield GaugeMetricFamily("muster_estate_devices", "Approved devices that are in use.", value=snapshot.devices)
    for label, (field, sentence) in _DEVICES.items():
        yield _counts(f"muster_estate_devices_by_{label}", sentence, label=label, counts=getattr(snapshot, field))
    yield _counts("muster_estate_flags_open", "Open flags by rule.", label="rule", counts=snapshot.flags_open)
    known = GaugeMetricFamily(
        "muster_estate_fact_known_devices", "Devices on which a fact is known, by fact.", labels=["fact"]
    )
    for fact in snapshot.coverage:
        known.add_metric([fact.fact], fact.known)
    yield known
    raised, cleared = snapshot.flags_raised_total, snapshot.flags_cleared_total
    yield CounterMetricFamily("muster_estate_flags_raised", "Flags ever raised.", value=raised)
    yield CounterMetricFamily("muster_estate_flags_cleared", "Flags ever cleared.", value=cleared)


def _starts(snapshot: EstateSnapshot) -> Iterable[Metric]:
    labels = ["device_class", "kind", "mark", "quality"]
    devices = GaugeMetricFamily("muster_estate_start_devices_30d", "Devices with a median start.", labels=labels)
    median = GaugeMetricFamily(
        "muster_estate_start_median_seconds_30d", "Median over devices of their median start of 30 days.", labels=labels
    )
    p90 = GaugeMetricFamily(
        "muster_estate_start_p90_seconds_30d", "90th percentile over devices of their median start.", labels=labels
    )
    for group in snapshot.starts:
        values = [group.device_class, group.kind, group.mark, group.quality]
        devices.add_metric(values, group.devices)
        if group.median_ms is not None and group.p90_ms is not None:
            median.add_metric(values, group.median_ms / 1000)
            p90.add_metric(values, group.p90_ms / 1000)
    yield from (devices, median, p90)


def _muster(snapshot: EstateSnapshot) -> Iterable[Metric]:
    made_at = snapshot.made_at / 1000
    yield GaugeMetricFamily("muster_snapshot_timestamp_seconds", "When the snapshot was made.", value=made_at)
    age = (now_ms() - snapshot.made_at) / 1000
    yield GaugeMetricFamily("muster_snapshot_age_seconds", "Age of the figures of the estate.", value=age)
    yield GaugeMetricFamily("muster_reports_unfolded", "Reports taken and not folded yet.", value=snapshot.unfolded)
    if snapshot.oldest_unfolded_seconds is not None:
        oldest = snapshot.oldest_unfolded_seconds
        yield GaugeMetricFamily("muster_oldest_unfolded_seconds", "Age of the oldest report not folded.", value=oldest)
    yield GaugeMetricFamily("muster_devices_due", "Devices that wait to be judged.", value=snapshot.due)
    failed = snapshot.assessments_failed
    yield GaugeMetricFamily("muster_assessments_failed", "Devices whose assessment failed.", value=failed)
    waiting = snapshot.awaiting_approval
    yield GaugeMetricFamily("muster_devices_awaiting_approval", "Devices that wait for approval.", value=waiting)
    dropped = CounterMetricFamily("muster_facts_dropped", "Facts that could not be kept, by reason.", labels=["reason"])
    for reason, count in _most(snapshot.drops).items():
        dropped.add_metric([reason], count)
    yield dropped


def _counts(name: str, sentence: str, *, label: str, counts: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, sentence, labels=[label])
    for value, count in _most(counts).items():
        family.add_metric([value], count)
    return family


def _most(counts: Mapping[str, int]) -> dict[str, int]:
    """The most common values by name, the rest added up as `other`; long values cut, equal ones then added."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown: dict[str, int] = {}
    for position, (value, count) in enumerate(ranked):
        name = value[:_LONGEST_LABEL] if position < _MOST_VALUES else "other"
        shown[name] = shown.get(name, 0) + count
    return shown
