"""The wire, version 1: what a device may send, and what it is told.

Enters: bytes from a device, hostile until decoded here. Leaves: frozen structs with every string, list and number
bounded. Unknown fields are ignored and never stored. A missing fact is null, never zero. Durations are seconds,
sizes bytes, instants ISO 8601 with an offset. The sections themselves are in `sections.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MAX_WIRE_BYTES = 256 * 1000
MAX_INFLATED_BYTES = 2_000_000
MAX_REPORTS = 96

Short = Annotated[str, Meta(max_length=64)]
Name = Annotated[str, Meta(max_length=256)]
Problem = Annotated[str, Meta(max_length=500)]
Instant = Annotated[str, Meta(max_length=40)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Bytes = Annotated[int, Meta(ge=0, le=2**60)]
Count = Annotated[int, Meta(ge=0, le=2**31)]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Quality = Literal["measured", "own", "estimated"]
Mark = Literal["to_sign_in", "to_desktop", "to_usable", "to_settled"]
Revision = Annotated[int, Meta(ge=0, le=1_000)]


class Wire(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of everything on the wire: frozen, keyword-only, defaults left out when stored again."""


class AgentInfo(Wire, frozen=True):
    """The program that reports."""

    version: Short
    platform: Short | None = None


class HardwareHints(Wire, frozen=True):
    """What recognises a machine again after a reinstall. Junk values are sent as null.

    `hardware_hash` is SHA-256 (hex) over all three hints; `machine_hash` a keyed hash of the system's machine id, used
    when fewer than two hints are known. The serial travels in clear, since asset registers are matched by it.
    """

    smbios_uuid: Short | None = None
    system_serial: Annotated[str, Meta(max_length=128)] | None = None
    disk_serial: Annotated[str, Meta(max_length=128)] | None = None
    hardware_hash: Short | None = None
    machine_hash: Short | None = None


class EnrolRequest(Wire, frozen=True):
    """Body of `POST /api/v1/enrol`. A split device enrols anew with its token as Bearer and without a key."""

    agent: AgentInfo
    hardware: HardwareHints = HardwareHints()
    hostname: Name | None = None
    key: Name | None = None


class EnrolAnswer(Wire, frozen=True, omit_defaults=False):
    """What a device keeps: who it is and how it proves it."""

    device_id: str
    token: str
    generation: int
    approved: bool


class Outcome(Wire, frozen=True):
    """How one collector fared in one report: `ok`, `absent` (not applicable here) or `failed` (with its problem)."""

    outcome: Literal["ok", "absent", "failed"]
    seconds: Seconds | None = None
    problem: Problem | None = None


class Envelope(Wire, frozen=True):
    """Body of `POST /api/v1/reports`. Reports stay raw: each is decoded on its own, so one cannot spoil the rest."""

    sent_at: Instant
    reports: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_REPORTS)]
    boot_id: Short | None = None
    monotonic_seconds: Seconds | None = None
    agent: AgentInfo | None = None


class RawReport(Wire, frozen=True):
    """One report with its sections still raw."""

    report_id: Annotated[str, Meta(pattern="^[0-9a-f]{32}:[1-9][0-9]{0,14}$")]
    schema: Annotated[int, Meta(ge=1, le=1)]
    collected_at: Instant
    boot_id: Short | None = None
    monotonic_seconds: Seconds | None = None
    hardware_hash: Short | None = None
    outcomes: Annotated[dict[Short, Outcome], Meta(max_length=64)] = {}
    sections: Annotated[dict[Short, msgspec.Raw], Meta(max_length=64)] = {}


class Refusal(Wire, frozen=True, omit_defaults=False):
    """A report (`section` null) or one section of it that was not taken, and why. `index` names an unreadable id."""

    problem: str
    report_id: str | None = None
    index: int | None = None
    section: str | None = None


class ReportsAnswer(Wire, frozen=True, omit_defaults=False):
    """202: everything in `accepted` is on disk. Every id stands in one place; refused sections are extra rows."""

    accepted: list[str]
    duplicate: list[str]
    refused: list[Refusal]
    server_time: str
    want: list[str]
    next_report_seconds: int
    identity: str
