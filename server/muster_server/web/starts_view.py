"""Starts of one device: their populations, the phases that add up, how the runs before them ended. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from muster_server.fold.marks import MARKS
from muster_server.health.findings import Finding
from muster_server.web import words
from muster_server.web.charts import Chart, Course, courses
from muster_server.web.waits_view import Group, Told, groups

_TOLD = Told("zero_at", ("to_usable", "to_desktop", "to_settled"), words.named, "Started")
# In the order in which they come to pass; one colour stands for a phase of Linux and one of Windows.
_PHASES = {
    "firmware": "phase-1",
    "loader": "phase-2",
    "kernel": "phase-3",
    "initrd": "phase-4",
    "userspace": "phase-5",
    "session": "phase-4",
    "sign_in_other": "phase-5",
    "machine_policy": "phase-6",
    "user_policy": "phase-7",
    "shell": "phase-8",
    "settling": "phase-9",
}
_STOPS = {
    "clean": "clean",
    "update": "for an update",
    "unexpected": "unexpected",
    "power_lost": "power lost",
    "long_button_press": "power button held down",
    "bugcheck": "crash",
}


@dataclass(frozen=True)
class StartsView:
    """Starts newest first, their populations, the largest first, and the course of those whose phases are known."""

    groups: list[Group]
    rows: list[dict[str, Any]]
    phases: Chart | None
    stops: str | None  # how the runs before ended, None where no start tells


def starts_view(starts: list[dict[str, Any]], *, slow: Finding | None, now: int) -> StartsView:
    """`starts` are rows of the store, newest first; `slow` is the finding of the rule for slow starts, if judged."""
    return StartsView(
        groups=groups(starts, _TOLD, slow=slow, now=now),
        rows=[_row(start, now) for start in starts],
        phases=_course(starts, now),
        stops=_stops(starts),
    )


def _course(starts: list[dict[str, Any]], now: int) -> Chart | None:
    told = [Course(_TOLD.when(start, now), phases) for start in reversed(starts) if len(phases := _phases(start)) > 1]
    kinds = {name.replace("_", " "): kind for name, kind in _PHASES.items()}
    title = "Phases of each start, one after the other"
    return courses(title, told, heads=("Started", "Phases"), kinds=kinds) if told else None


def _phases(start: dict[str, Any]) -> list[tuple[str, int]]:
    return [(name.replace("_", " "), start[f"{name}_ms"]) for name in _PHASES if start[f"{name}_ms"] is not None]


def _stops(starts: list[dict[str, Any]]) -> str | None:
    known = [start for start in starts if start["stop_before"]]
    if not known:
        return None
    told = Counter(_stop(start) for start in known if start["stop_before"] not in ("clean", "update"))
    said = ", ".join(f"{stop} {count}" for stop, count in sorted(told.items(), key=lambda item: (-item[1], item[0])))
    of = f"{words.count(len(known), 'start')} of which is known how the run before ended"
    return f"Of {of}, {sum(told.values()) or 'none'} came after an unexpected stop{f': {said}' if said else ''}."


def _stop(start: dict[str, Any]) -> str:
    return " ".join(filter(None, (_STOPS.get(start["stop_before"], start["stop_before"]), start["stop_code"])))


def _row(start: dict[str, Any], now: int) -> dict[str, Any]:
    notes = [
        note
        for holds, note in (
            (start["before_agent"], "before the agent ran"),
            (start["after_update"], "after an update"),
            (start["stop_before"] not in (None, "clean"), f"run before ended: {_stop(start)}"),
        )
        if holds
    ]
    return {
        "when": _TOLD.when(start, now),
        "kind": start["kind"],
        "marks": [(start[f"{mark}_ms"], start[f"{mark}_quality"], start[f"{mark}_at_least"]) for mark in MARKS],
        "phases": _phases(start),
        "culprits": words.decoded(start["culprits"], []),
        "notes": notes,
    }
