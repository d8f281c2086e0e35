"""What the URL of a list asks for. Enters: query parameters of strangers. Leaves: filters within bounds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from flask import abort, request

from muster_server.store.lists import LACKING, NEVER_DAYS, SORTS, Filters

_LONGEST = 200
# Value in the URL -> (days of Filters, what the filter says).
SILENCE = {
    "1": (1, "over 1 day"),
    "7": (7, "over 7 days"),
    "30": (30, "over 30 days"),
    "never": (NEVER_DAYS, "never reported"),
}
_LABELS = {
    "text": "Search",
    "device_class": "Class",
    "os_name": "System",
    "verdict": "Verdict",
    "rule": "Finding",
    "suggests": "Suggestion",
    "unit": "Unit",
    "silent": "Silent",
    "status": "Status",
    "lacks": "Not known",
    "failed": "Collector failed",
    "waiting": "Waiting for approval",
}


@dataclass(frozen=True)
class Asked:
    """The filters of a list as its URL names them, empty where it names none."""

    text: str = ""
    device_class: str = ""
    os_name: str = ""
    verdict: str = ""
    rule: str = ""
    suggests: str = ""
    unit: str = ""
    silent: str = ""
    status: str = ""
    lacks: str = ""
    failed: str = ""
    waiting: str = ""

    def filters(self) -> Filters:
        """The same for the store."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        silent, waiting = named.pop("silent"), named.pop("waiting")
        return Filters(**named, silent_days=SILENCE[silent][0] if silent else 0, waiting=bool(waiting))

    def given(self) -> dict[str, str]:
        """Only the filters that narrow something: parameters of a link."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name))}

    def chips(self) -> list[tuple[str, str, dict[str, str]]]:
        """Each filter that narrows as (label, value, parameters of the link without it)."""
        given = self.given()
        return [
            (
                _LABELS[name],
                SILENCE[value][1] if name == "silent" else value,
                {n: v for n, v in given.items() if n != name},
            )
            for name, value in given.items()
        ]


def asked(values: Mapping[str, Any], name: str) -> str:
    """One text that a stranger sent, within bounds and without what no store can keep."""
    return str(values.get(name, "")).replace("\0", "").strip()[:_LONGEST]


def asked_filters(*names: str) -> Asked:
    """The filters of this request out of those `names` that the list knows; aborts with 400 for an impossible one."""
    found = Asked(**{name: asked(request.args, name) for name in names})
    known: dict[str, Collection[str]] = {"silent": SILENCE, "lacks": LACKING}
    for name, values in known.items():
        value = getattr(found, name)
        if value and value not in values:
            abort(400, f"The address asks for {name}={value}; it can be {', '.join(values)}.")
    return found


def asked_order() -> tuple[str, bool]:
    """The order of this request: (column, descending)."""
    wanted = asked(request.args, "sort") or "hostname"
    column, descending = wanted.removeprefix("-"), wanted.startswith("-")
    if column not in SORTS:
        abort(
            400, f"The address asks for sort={wanted}; it can be {', '.join(SORTS)}, with - before it for the reverse."
        )
    return column, descending
