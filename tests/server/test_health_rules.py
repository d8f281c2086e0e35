"""Rules over signals: over, between, under, and unknown wherever a value is missing, too old or too few."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.server.conftest import NOW

from muster_server.clock import DAY_MS
from muster_server.health import rules_json
from muster_server.health.assess import RULESET, assess
from muster_server.health.findings import Assessment
from muster_server.health.percentile import nearest_rank
from muster_server.health.policy import PolicyError, load_policy
from muster_server.health.signals import DeviceInput, signals_of
from muster_server.jobs.judge import SCHEMA

POLICY = load_policy(None)
BLANK = {**signals_of(DeviceInput(device_id=1), as_of=NOW, window_days=30), "status": "in use"}
STARTS = {"start_samples": 5, "start_newest_at": NOW, "start_mark": "to_settled", "start_kind": "full"}
DISK = {"disk_samples": 3, "disk_newest_at": NOW, "disk_free_bytes": 10**12}
MEMORY = {"memory_days": 14, "memory_newest_at": NOW}
BATTERY = {"battery_present": True, "battery_days": 5, "battery_newest_at": NOW}
DRIVE = {"system_drive_newest_at": NOW}
SYSTEM = {"os_newest_at": NOW, "os_extended_free": False}


def judged(**values: Any) -> Assessment:
    return assess([{**BLANK, **values}], SCHEMA, policy=POLICY, as_of=NOW)[0]


def state(rule_id: str, **values: Any) -> str:
    return next(finding.state for finding in judged(**values).findings if finding.rule_id == rule_id)


@pytest.mark.parametrize(
    ("rule_id", "values", "expected"),
    [
        ("slow_start", {**STARTS, "start_median_ms": 120_000}, "over"),
        ("slow_start", {**STARTS, "start_median_ms": 119_999}, "between"),
        ("slow_start", {**STARTS, "start_median_ms": 104_999}, "under"),
        ("slow_start", {**STARTS, "start_median_ms": None}, "unknown"),
        ("slow_start", {**STARTS, "start_median_ms": 120_000, "start_median_at_least": True}, "over"),
        ("slow_start", {**STARTS, "start_median_ms": 30_000, "start_median_at_least": True}, "unknown"),
        ("slow_start", {**STARTS, "start_median_ms": 30_000, "start_median_at_least": False}, "under"),
        ("slow_start", {**STARTS, "start_median_ms": 600_000, "start_samples": 4}, "unknown"),
        ("slow_start", {**STARTS, "start_median_ms": 600_000, "start_newest_at": NOW - 46 * DAY_MS}, "unknown"),
        ("memory_short", {**MEMORY, "memory_short_ratio": 0.10}, "over"),
        ("memory_short", {**MEMORY, "memory_short_ratio": 0.08}, "between"),
        ("memory_short", {**MEMORY, "memory_short_ratio": 0.0}, "under"),
        ("memory_short", {**MEMORY, "memory_short_ratio": 0.5, "memory_days": 13}, "unknown"),
        ("disk_nearly_full", {**DISK, "disk_free_ratio": 0.09}, "over"),
        ("disk_nearly_full", {**DISK, "disk_free_ratio": 0.5, "disk_free_bytes": 2**30}, "over"),
        ("disk_nearly_full", {**DISK, "disk_free_ratio": 0.12}, "between"),
        ("disk_nearly_full", {**DISK, "disk_free_ratio": 0.4}, "under"),
        ("disk_nearly_full", {**DISK, "disk_free_ratio": 0.01, "disk_samples": 2}, "unknown"),
        ("disk_nearly_full", {**DISK, "disk_free_ratio": None, "disk_free_bytes": None}, "unknown"),
        ("hard_disk", {**DRIVE, "system_drive_kind": "hdd"}, "over"),
        ("hard_disk", {**DRIVE, "system_drive_kind": "nvme"}, "under"),
        ("hard_disk", {**DRIVE, "system_drive_kind": None}, "unknown"),
        ("os_unsupported", {**SYSTEM, "os_support": "ended", "os_support_days": -3}, "over"),
        ("os_unsupported", {**SYSTEM, "os_support": "extended_only", "os_support_days": -3}, "over"),
        ("os_unsupported", {**SYSTEM, "os_support": "extended_only", "os_extended_free": True}, "under"),
        ("os_unsupported", {**SYSTEM, "os_support": "extended_only", "os_extended_held": True}, "under"),
        ("os_unsupported", {**SYSTEM, "os_support": "extended_only", "os_extended_held": False}, "over"),
        ("os_unsupported", {**SYSTEM, "os_support": "supported", "os_support_days": 1}, "under"),
        ("os_unsupported", {**SYSTEM, "os_support": "supported", "os_support_days": None}, "under"),
        ("os_unsupported", {**SYSTEM, "os_support": "newer_than_data"}, "unknown"),
        ("os_unsupported", {**SYSTEM, "os_support": None}, "unknown"),
        ("battery_worn", {**BATTERY, "battery_health_ratio": 0.59}, "over"),
        ("battery_worn", {**BATTERY, "battery_health_ratio": 0.62}, "between"),
        ("battery_worn", {**BATTERY, "battery_health_ratio": 0.9}, "under"),
        ("battery_worn", {**BATTERY, "battery_health_ratio": 0.1, "battery_days": 4}, "unknown"),
        ("battery_worn", {"battery_present": False, "battery_newest_at": NOW, "battery_days": 0}, "under"),
        ("battery_worn", {"battery_present": None}, "unknown"),
    ],
)
def test_each_rule_is_over_between_under_or_unknown(rule_id: str, values: dict[str, Any], expected: str) -> None:
    assert state(rule_id, **values) == expected


def test_a_device_of_which_nothing_is_known_is_unknown_and_not_kept() -> None:
    assessment = judged()

    assert (assessment.verdict, assessment.judged_ratio, assessment.leading_rule) == ("unknown", 0.0, None)


def test_keep_needs_enough_of_the_weight_judged() -> None:
    good = {**STARTS, "start_median_ms": 30_000, **SYSTEM, "os_support": "supported", "os_support_days": 100}

    assert judged(**good).verdict == "unknown"
    assert judged(**good, **DRIVE, system_drive_kind="ssd").verdict == "keep"


def test_the_verdict_is_the_strongest_suggestion_of_the_true_rules() -> None:
    slow = {**STARTS, "start_median_ms": 600_000}

    assert judged(**slow).verdict == "fix"
    assert judged(**slow, **DRIVE, system_drive_kind="hdd").verdict == "upgrade"


def test_a_device_that_is_not_in_use_is_suggested_nothing() -> None:
    assert judged(**STARTS, start_median_ms=600_000, status="stock").verdict == "unknown"


def test_the_evidence_tells_value_threshold_samples_and_what_would_clear_it() -> None:
    finding = judged(**STARTS, start_median_ms=600_000).findings[0]

    first = finding.evidence[0]
    assert (first.value, first.unit, first.threshold, first.samples, first.samples_needed) == (
        600.0,
        "seconds",
        120.0,
        5,
        5,
    )
    assert finding.sentence == "Median start: 600 s (limit 120 s)."
    assert finding.clears == "The median of its starts falls under 105 s."


SAID: list[tuple[str, dict[str, Any], str]] = [
    (
        "slow_start",
        {**STARTS, "start_median_ms": 600_000, "start_culprit": "backup.service"},
        "Median start: 600 s (limit 120 s); it waited most for backup.service.",
    ),
    (
        "os_unsupported",
        {**SYSTEM, "os_support": "ended", "os_support_days": -407},
        "Support ended 407 days ago.",
    ),
    (
        "os_unsupported",
        {**SYSTEM, "os_support": "extended_only", "os_support_days": -137, "os_extended_days": 900,
         "os_extended_free": True},
        "Support ended 137 days ago; free extended support lasts 900 days more.",
    ),
    (
        "slow_start",
        {**STARTS, "start_median_ms": 2_700_000, "start_median_at_least": True},
        "Median start: at least 2700 s (limit 120 s).",
    ),
    (
        "os_unsupported",
        {**SYSTEM, "os_support": "extended_only", "os_support_days": -407, "os_extended_days": 326,
         "os_extended_held": True},
        "Support ended 407 days ago; paid extended support lasts 326 days more, licensed here.",
    ),
    (
        "os_unsupported",
        {**SYSTEM, "os_support": "extended_only", "os_support_days": -407, "os_extended_days": 690,
         "os_extended_held": False},
        "Support ended 407 days ago; paid extended support lasts 690 days more, not licensed here.",
    ),
    ("battery_worn", {"battery_present": False, "battery_newest_at": NOW}, "No battery is fitted."),
]  # fmt: skip


@pytest.mark.parametrize(("rule_id", "values", "sentence"), SAID)
def test_a_finding_says_what_was_found_as_a_person_would(rule_id: str, values: dict[str, Any], sentence: str) -> None:
    assert next(f.sentence for f in judged(**values).findings if f.rule_id == rule_id) == sentence


def test_a_licence_told_by_the_device_counts_before_what_the_policy_says_of_all() -> None:
    bought = msgspec.structs.replace(POLICY.os_unsupported, paid_extension_held=True)
    policy = msgspec.structs.replace(POLICY, os_unsupported=bought)
    rows = [{**BLANK, **SYSTEM, "os_support": "extended_only", "os_extended_held": held} for held in (None, False)]
    found = [{f.rule_id: f.state for f in each.findings} for each in assess(rows, SCHEMA, policy=policy, as_of=NOW)]

    assert [states["os_unsupported"] for states in found] == ["under", "over"]


def test_the_same_input_gives_the_same_assessment() -> None:
    values = {**STARTS, "start_median_ms": 600_000}

    assert judged(**values) == judged(**values)


def test_rules_json_is_what_the_rules_say() -> None:
    assert rules_json.PATH.read_text() == rules_json.text(), "run `python -m muster_server.health.rules_json`"
    assert RULESET in rules_json.text()


def test_only_the_helper_handles_the_outcome_of_a_rule() -> None:
    health = Path(rules_json.__file__).parent
    assess_text = (health / "assess.py").read_text()

    assert not re.search(r"pl\.when|fill_null|_horizontal|\.filter\(", assess_text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[slow_strat]\nenabled = true\n", "unknown key 'slow_strat'; did you mean 'slow_start'"),
        ("[slow_start]\nover_second = 1\n", r"\[slow_start\]: unknown key 'over_second'; did you mean 'over_seconds'"),
        ("[slow_start\n", "cannot be read"),
        ("", "missing required field"),
    ],
)
def test_a_mistake_in_a_policy_names_the_place_and_the_neighbour(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)

    with pytest.raises(PolicyError, match=sentence):
        load_policy(str(file))


def test_a_threshold_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    shipped = (Path(rules_json.__file__).parent / "policy.toml").read_text()
    file.write_text(shipped.replace("over_seconds = 120.0", 'over_seconds = "long"'))

    with pytest.raises(PolicyError, match=r"slow_start.over_seconds: Expected `float`, got `str`"):
        load_policy(str(file))


def test_percentiles_are_nearest_rank_and_null_under_five() -> None:
    assert nearest_rank([1, 2, 3, 4], 0.5) is None
    assert nearest_rank([5, 1, 4, 2, 3], 0.5) == 3
    assert nearest_rank(list(range(1, 21)), 0.9, least=20) == 18
