"""The parts of what the API answers of one device: sections as told, starts, sign-ins, days."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from muster_server.health.windows11 import Result
from muster_server.ingest.schema import Mark, Quality
from muster_server.ingest.sections import (
    AgentHealth,
    Battery,
    Disks,
    Hardware,
    Pack,
    Place,
    Restart,
    System,
)
from muster_server.ingest.starts import Culprit
from muster_server.web.api.answers import Answer, Instant

Levels = Annotated[list[int], Meta(min_length=12, max_length=12)]


class ToldSystem(System, frozen=True, kw_only=True):
    """The section `system`, and when it was told."""

    told_at: Instant


class ToldHardware(Hardware, frozen=True, kw_only=True):
    """The section `hardware`, and when it was told."""

    told_at: Instant


class ToldPlace(Place, frozen=True, kw_only=True):
    """The section `place`, and when it was told."""

    told_at: Instant


class ToldDisks(Disks, frozen=True, kw_only=True):
    """The section `disks`, and when it was told."""

    told_at: Instant


class ToldBattery(Battery, frozen=True, kw_only=True):
    """The section `battery`, and when it was told."""

    told_at: Instant


class ToldRestart(Restart, frozen=True, kw_only=True):
    """The section `restart`, and when it was told."""

    told_at: Instant


class ToldAgent(AgentHealth, frozen=True, kw_only=True):
    """What the agent last said of itself, and when."""

    told_at: Instant


class StartShown(Answer, frozen=True):
    """One start. Marks are seconds after `zero_at`, null until known; its exact time is kept 7 days, then the hour."""

    start_id: str
    kind: str
    zero_at: Instant
    to_sign_in_seconds: float | None
    to_sign_in_quality: Quality | None
    to_desktop_seconds: float | None
    to_desktop_quality: Quality | None
    to_usable_seconds: float | None
    to_usable_quality: Quality | None
    to_settled_seconds: float | None
    to_settled_quality: Quality | None
    firmware_seconds: float | None
    loader_seconds: float | None
    kernel_seconds: float | None
    initrd_seconds: float | None
    userspace_seconds: float | None
    session_seconds: float | None
    sign_in_other_seconds: float | None
    machine_policy_seconds: float | None
    user_policy_seconds: float | None
    shell_seconds: float | None
    settling_seconds: float | None
    lower_bounds: Annotated[list[Mark], Meta(description="Marks that may be longer in truth.")]
    stop_before: Annotated[str | None, Meta(description="How the run before ended.")]
    stop_code: Annotated[str | None, Meta(description="Of a crash.")]
    before_agent: bool
    after_update: bool
    culprits: list[Culprit]


class SignInShown(Answer, frozen=True):
    """One person reaching a desktop; who it was is never known. Seconds after credentials accepted; parts overlap.

    Its exact time is kept 7 days, then the hour.
    """

    sign_in_id: str
    at: Instant
    kind: str
    to_desktop_seconds: float | None
    to_desktop_quality: Quality | None
    to_usable_seconds: float | None
    to_usable_quality: Quality | None
    lower_bounds: Annotated[list[Mark], Meta(description="Marks that may be longer in truth.")]
    authentication_seconds: float | None
    policy_seconds: float | None
    profile_seconds: float | None
    shell_seconds: float | None
    before_agent: bool


class Windows11Check(Answer, frozen=True):
    """One thing that Windows 11 asks of a device, and what is known of it. What is not known never passes."""

    name: str
    result: Result
    says: str


class Day(Answer, frozen=True):
    """Use of one UTC day, and the day's last readings.

    `cpu_minutes`, `memory_minutes`, `disk_minutes`: minutes at each level between the edges 0 10 20 30 40 50 60 70 80
    85 90 95 100 percent. `memory_pressure_minutes`: rows are available memory under 5, 10, 20 and up to 100 percent,
    columns hard faults a second under 10, 100, 1,000 and above. `commit_pressure_minutes`: the same columns, rows are
    committed memory under 70, 80, 90 percent of its limit and above. `disk_wait_minutes`: an operation of the slowest
    drive took under 1, 2, 5, 10, 20, 50, 100 ms on average, and above.
    """

    day: Annotated[str, Meta(extra_json_schema={"format": "date"})]
    cpu_minutes: Levels | None
    memory_minutes: Levels | None
    disk_minutes: Levels | None
    memory_pressure_minutes: list[list[int]] | None
    commit_pressure_minutes: list[list[int]] | None
    disk_wait_minutes: Annotated[list[int], Meta(min_length=8, max_length=8)] | None
    missed_minutes: int
    suspended_minutes: int
    read_at: Instant | None
    disk_free_bytes: int | None
    disk_total_bytes: int | None
    battery: list[Pack] | None


class SoftwareTold(Answer, frozen=True):
    """How much software the device listed; `more_titles` were only counted. The list is at `href`."""

    told_at: Instant
    title_count: int
    more_titles: int
    href: str
