"""Marks that the system did not measure itself, out of what the agent's timer and the logs saw. Pure.

A person's waiting is taken out: from the sign-in screen being ready to credentials accepted, nobody waits for the
device. Where that wait is not known, the marks behind it are not known either.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_MOST_SECONDS = 7_200.0
_MOST_SCREEN_SECONDS = 2_700.0


class Seen(NamedTuple):
    """What was seen from one start to the next, in seconds since 1970; `desktops` as usable.Timer writes them."""

    zero: float
    screen_at: float | None
    accepted_at: float | None
    shell_ready_at: float | None
    desktop: tuple[float, float | None, bool] | None  # shown, usable, whether that is only "at least"


def seen_between(zero: float, until: float, *, notes: dict[str, Any], log: tuple[float | None, list[float]]) -> Seen:
    """What belongs to the start of `zero`. `notes` is the timer's; `log` (credentials accepted, shells ready)."""
    accepted_at, ready = log
    screens = [at for at in notes.get("screens", ()) if zero - 1 <= at < min(until, zero + _MOST_SCREEN_SECONDS)]
    desktops = [(at, usable, capped) for at, usable, capped in notes.get("desktops", ()) if zero <= at < until]
    known = [desktop for desktop in desktops if desktop[1] is not None]
    shown = min(desktops, default=None, key=lambda desktop: desktop[0])
    # An agent that began anew saw the same desktop again, too late to time it.
    timed = next((desktop for desktop in known if shown and abs(desktop[0] - shown[0]) < 1), shown)
    ready_at = min((at for at in ready if zero <= at < until and (not accepted_at or at >= accepted_at)), default=None)
    return Seen(zero, min(screens, default=None), accepted_at, ready_at, timed)


def own_marks(found: dict[str, Any], seen: Seen, *, signs_in_alone: bool) -> dict[str, Any]:
    """Marks to add to `found`, which holds what the system measured or lets estimate."""
    marks: dict[str, Any] = {}
    if seen.screen_at is not None and found.get("to_sign_in_quality") != "measured":
        _add(marks, "to_sign_in", seconds=seen.screen_at - seen.zero, quality="own")
    if "to_desktop_seconds" not in found:
        shown, quality = (seen.shell_ready_at, "estimated")
        if shown is None and seen.desktop is not None:
            shown, quality = seen.desktop[0], "own"
        screen = {**found, **marks}.get("to_sign_in_seconds")
        waited = 0.0 if signs_in_alone else _waited(seen, screen)
        if shown is not None and waited is not None:
            _add(marks, "to_desktop", seconds=shown - seen.zero - waited, quality=quality)
    desktop = {**found, **marks}.get("to_desktop_seconds")
    if desktop is not None and seen.desktop is not None and seen.desktop[1] is not None:
        # Quiet before the shell was ready is the quiet of waiting for it.
        began = max(seen.desktop[0], seen.shell_ready_at or 0.0)
        _add(marks, "to_usable", seconds=desktop + max(0.0, seen.desktop[1] - began), quality="own")
        if seen.desktop[2] and "to_usable_seconds" in marks:
            marks["lower_bounds"] = ["to_usable"]
    return marks


def _waited(seen: Seen, screen_seconds: float | None) -> float | None:
    """How long a ready screen waited for its person; None when one of the two instants is not known."""
    if seen.accepted_at is None or screen_seconds is None:
        return None
    return max(0.0, seen.accepted_at - seen.zero - screen_seconds)


def _add(marks: dict[str, Any], mark: str, *, seconds: float, quality: str) -> None:
    if 0 <= seconds <= _MOST_SECONDS:
        marks.update({f"{mark}_seconds": round(seconds, 3), f"{mark}_quality": quality})
