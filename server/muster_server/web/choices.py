"""What the filters of a list offer. Pure. Enters: the newest snapshot. Leaves: (value, words) for each filter."""

from __future__ import annotations

from collections.abc import Iterable

from muster_server.health.estate import NOT_JUDGED, NOT_KNOWN
from muster_server.health.snapshot import EstateSnapshot
from muster_server.web.asked import SILENCE, Asked
from muster_server.web.frame import rules
from muster_server.web.words import SUGGESTIONS, named

_VERDICTS = ("replace", "upgrade", "fix", "keep", "unknown", NOT_JUDGED)
_STATUSES = ("in use", "stock", "repair", "lost", "retired")

Options = list[tuple[str, str]]


def choices(snapshot: EstateSnapshot | None, asked: Asked) -> dict[str, Options]:
    """Values that occur in the estate as the snapshot counted them, and always the one that is asked for."""
    occurring = {
        "device_class": set(snapshot.by_class) if snapshot else set(),
        "os_name": set(snapshot.by_os) if snapshot else set(),
        "unit": set(snapshot.by_unit) if snapshot else set(),
    }
    offered = {name: _sorted(values | {getattr(asked, name)} - {""}) for name, values in occurring.items()}
    return {
        **{name: [(value, named(value)) for value in values] for name, values in offered.items()},
        "verdict": [(value, value) for value in _VERDICTS],
        "status": [(value, value) for value in _STATUSES],
        "silent": [(value, said) for value, (_, said) in SILENCE.items()],
        "rule": [(rule_id, rule["title"]) for rule_id, rule in rules().items()],
        "suggests": list(SUGGESTIONS.items()),
    }


def _sorted(values: Iterable[str]) -> list[str]:
    return sorted(values, key=lambda value: (value == NOT_KNOWN, value.lower()))
