"""The running start of a Mac. Apple publishes no figure of it: the agent's own timer is all there is.

When credentials were accepted is not told, so a person's time at the sign-in screen cannot be taken out: usable is the
sign-in screen plus what the desktop took from being shown, a lower bound that says so.
"""

from __future__ import annotations

import math
import os
from typing import Any

from muster_agent.machine import UNTOLD, Machine, instant
from muster_agent.sources.machine_id import keyed_hash
from muster_agent.sources.macos.shutdown import read_end
from muster_agent.sources.news import news
from muster_agent.sources.seen import own_marks, seen_between

_YOUNG_SECONDS = 600.0
_CLOCK_SECONDS = 2.0
_ROOT = 0


def read_starts(machine: Machine) -> list[dict[str, Any]] | None:
    """The running start, when there is news of it; None where the kernel does not name it."""
    boot_id = machine.boot_id()
    if boot_id is None:
        return None
    page = machine.notebook.setdefault("starts", {})
    read = page.setdefault("read", {"told": {}, "gate": None})
    seen = machine.notebook.get("seen", {})
    gate = [boot_id, os.getpid(), seen.get("screens", ())[-1:], seen.get("desktops", ())[-1:]]
    if gate == read["gate"]:
        return []
    began = _began(machine, page, boot_id=boot_id)
    start = {
        "start_id": keyed_hash(f"start:full:{boot_id}")[:32],
        "kind": "full",
        "exact_id": True,
        "zero_at": instant(began),
        "stop_before": read_end(machine, began),
    }
    read["gate"] = gate
    return news(read["told"], [{**start, **marks(seen, began)}], name="start_id")


def marks(notes: dict[str, Any], began: float) -> dict[str, Any]:
    """What the timer saw of the start that began then."""
    seen = seen_between(began, math.inf, notes=notes, log=(None, []))
    found = own_marks({}, seen, signs_in_alone=False)
    if seen.desktop is not None and seen.desktop[1] is not None and "to_sign_in_seconds" in found:
        usable = found["to_sign_in_seconds"] + max(0.0, seen.desktop[1] - seen.desktop[0])
        found.update(to_usable_seconds=round(usable, 3), to_usable_quality="own", lower_bounds=["to_usable"])
    return found


def is_over(machine: Machine) -> bool:
    """Whether nothing more is waited for: a desktop was timed, or ten minutes have passed."""
    began = machine.wall() - machine.elapsed() - _CLOCK_SECONDS
    desktops = machine.notebook.get("seen", {}).get("desktops", ())
    return machine.elapsed() >= _YOUNG_SECONDS or any(desktop[0] >= began for desktop in desktops)


def _began(machine: Machine, page: dict[str, Any], *, boot_id: str) -> float:
    began = machine.wall() - machine.elapsed()
    if page.get("running", ("",))[0] != boot_id or abs(page["running"][1] - began) > _CLOCK_SECONDS:
        page["running"] = [boot_id, began]  # kept, or each look would differ by a rounding
    kept: float = page["running"][1]
    return kept


class MacEyes:
    """The timer's eyes on a Mac: who owns the console, and when the Dock and the sign-in window began."""

    def __init__(self, machine: Machine) -> None:
        """Sees through `machine` alone."""
        self._machine = machine

    def signed_in(self) -> frozenset[int]:
        """The account at the console, by its number, which is kept nowhere."""
        account = self._machine.owner("/dev/console")
        return frozenset((account,)) if account not in (None, _ROOT) else frozenset()

    def screen_at(self, since: float) -> float | None:
        """When the sign-in window began."""
        return min((at for at in self._began("loginwindow", None) if at >= since), default=None)

    def desktop_at(self, session: int) -> float | None:
        """When the Dock of the account at the console began."""
        return min(self._began("Dock", session), default=None)

    def _began(self, name: str, account: int | None) -> list[float]:
        found = []
        for process in self._machine.ps.process_iter(["name"]):
            try:
                if process.name() == name and account in (None, process.uids().real):
                    found.append(float(process.create_time()))
            except UNTOLD:
                continue
        return found
