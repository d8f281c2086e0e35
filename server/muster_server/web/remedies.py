"""Why a fact is missing, and what makes it known. Pure. The reasons are those of `health/estate.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REMEDIES = {
    "never reported": "Start its agent; `muster-agent doctor` on the device says what keeps it from reporting.",
    "judging failed": "Read the worker's log: it names the device and the error. Judging tries again once a day.",
    "not judged yet": "Wait a minute; if it stays, `muster doctor` on the server says whether the worker runs.",
    "the collector failed": (
        "Read the problem on the device's page, most often a missing right; `muster-agent doctor` there says more."
    ),
    "not present on this device": "Nothing to do: the device has no such part, or its system keeps no such record.",
    "silent for over 30 days": "Find the device and switch it on, or give it another status: it may be out of use.",
    "fewer than 5 starts of one kind": (
        "Wait until it was started five times within 30 days; a device that is never switched off needs a restart."
    ),
    "fewer than 5 sign-ins of one kind": (
        "Wait until people signed in five times within 30 days; first and remote sign-ins are not counted."
    ),
    "not enough days yet": "Wait: readings must come on enough days, so that one odd day does not decide.",
    "not in the end-of-life data": (
        "Have the agent tell edition and build, or bring the end-of-life data up to date with the next Muster."
    ),
    "the device cannot tell": "Nothing to do from here: a virtual disk or a controller hides what the drive is.",
    "not sent yet": "Wait for its next report, which the server has asked for it; an old agent needs an update.",
}


def missing(outcomes: Mapping[str, Any], collector: str, *, reported_at: int | None) -> tuple[str, str]:
    """(reason, remedy) for what a device never told."""
    outcome = outcomes.get(collector, {})
    reasons = {"failed": "the collector failed", "absent": "not present on this device"}
    reason = reasons.get(outcome.get("outcome"), "not sent yet")
    if reported_at is None:
        reason = "never reported"
    problem = f": {outcome['problem']}" if outcome.get("problem") else ""
    return f"{reason}{problem}", REMEDIES[reason]
