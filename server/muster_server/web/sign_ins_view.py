"""Sign-ins of one device by population, and the newest of them with their parts. Pure. Nothing tells who it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muster_server.fold.marks import SIGN_IN_MARKS, SIGN_IN_PARTS
from muster_server.web.waits_view import Group, Told, groups
from muster_server.web.words import SIGN_INS

_TOLD = Told("at", ("to_usable", "to_desktop"), lambda kind: f"sign-in, {SIGN_INS.get(kind, kind)},", "Signed in")
_MOST_ROWS = 200


@dataclass(frozen=True)
class SignInsView:
    """The largest populations first, the newest rows, and how many there are in all."""

    groups: list[Group]
    rows: list[dict[str, Any]]
    count: int


def sign_ins_view(sign_ins: list[dict[str, Any]], *, now: int) -> SignInsView:
    """`sign_ins` are rows of the store, newest first."""
    return SignInsView(groups(sign_ins, _TOLD, now=now), [_row(r, now) for r in sign_ins[:_MOST_ROWS]], len(sign_ins))


def _row(sign_in: dict[str, Any], now: int) -> dict[str, Any]:
    return {
        "when": _TOLD.when(sign_in, now),
        "kind": SIGN_INS.get(sign_in["kind"], sign_in["kind"]),
        "before_agent": sign_in["before_agent"],
        "marks": [(sign_in[f"{m}_ms"], sign_in[f"{m}_quality"], sign_in[f"{m}_at_least"]) for m in SIGN_IN_MARKS],
        "parts": [(p.removesuffix("_ms"), sign_in[p]) for p in SIGN_IN_PARTS if sign_in[p] is not None],
    }
