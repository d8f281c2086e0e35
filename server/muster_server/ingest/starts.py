"""The sections about waiting: starts of a device, sign-ins of people.

A section's struct says what its collector sends; marks are null until known, and come with how they were come by.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from muster_server.ingest.schema import Instant, Mark, Quality, Revision, Seconds, Wire


class Culprit(Wire, frozen=True):
    """What slowed a start: a unit, service, driver or program by its base name."""

    name: Annotated[str, Meta(max_length=128)]
    kind: Literal["unit", "service", "driver", "application", "policy", "device", "other"]
    seconds: Seconds


class Start(Wire, frozen=True):
    """One boot of one device. Marks are seconds after `zero_at` (the kernel's start), each null until known.

    `lower_bounds` names marks that may be longer in truth. `stop_before` tells how the run before ended, `stop_code`
    a crash's. Windows' phases kernel, session, sign-in other, machine and user policy, and shell add up to
    `to_desktop`; with settling, to `to_settled`.

    A start arrives in pieces: the same `start_id` may come again with more marks or a higher revision. With `exact_id`
    the id is made of what names this boot alone; without, a start of the same kind within 60 s is the same start.
    """

    start_id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    kind: Literal["full", "fast_startup", "resume", "soft_reboot", "unknown"]
    zero_at: Instant
    exact_id: bool = False
    to_sign_in_seconds: Seconds | None = None
    to_sign_in_quality: Quality | None = None
    to_sign_in_revision: Revision = 0
    to_desktop_seconds: Seconds | None = None
    to_desktop_quality: Quality | None = None
    to_desktop_revision: Revision = 0
    to_usable_seconds: Seconds | None = None
    to_usable_quality: Quality | None = None
    to_usable_revision: Revision = 0
    to_settled_seconds: Seconds | None = None
    to_settled_quality: Quality | None = None
    to_settled_revision: Revision = 0
    firmware_seconds: Seconds | None = None
    loader_seconds: Seconds | None = None
    kernel_seconds: Seconds | None = None
    initrd_seconds: Seconds | None = None
    userspace_seconds: Seconds | None = None
    session_seconds: Seconds | None = None
    sign_in_other_seconds: Seconds | None = None
    machine_policy_seconds: Seconds | None = None
    user_policy_seconds: Seconds | None = None
    shell_seconds: Seconds | None = None
    settling_seconds: Seconds | None = None
    lower_bounds: Annotated[list[Mark], Meta(max_length=4)] = []
    stop_before: Literal["clean", "update", "unexpected", "bugcheck", "power_lost", "long_button_press"] | None = None
    stop_code: Annotated[str, Meta(pattern="^0x[0-9a-f]{8,16}$")] | None = None
    before_agent: bool = False
    after_update: bool = False
    culprits: Annotated[list[Culprit], Meta(max_length=20)] = []


class SignIn(Wire, frozen=True):
    """One person reaching a desktop; who it was is never known. Seconds are counted from credentials accepted.

    The parts overlap and do not add up. A sign-in may come again with more of it known, under the same `sign_in_id`.
    """

    sign_in_id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    at: Instant
    kind: Literal["first", "cached", "roaming", "remote", "unlock", "automatic", "unknown"] = "unknown"
    to_desktop_seconds: Seconds | None = None
    to_desktop_quality: Quality | None = None
    to_usable_seconds: Seconds | None = None
    lower_bounds: Annotated[list[Mark], Meta(max_length=4)] = []
    authentication_seconds: Seconds | None = None
    policy_seconds: Seconds | None = None
    profile_seconds: Seconds | None = None
    shell_seconds: Seconds | None = None
    before_agent: bool = False
