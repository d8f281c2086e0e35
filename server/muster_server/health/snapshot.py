"""The estate at one instant: what `/metrics`, the estate page and the coverage page read. Plain data.

Every figure stands beside how many devices it is made of, and how many could not be judged. A missing figure is null.
"""

from __future__ import annotations

import msgspec


class StartGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Devices of one class whose starts of 30 days are known to one mark, of one kind and quality; never mixed.

    The median and the 90th percentile are over the devices' own medians; null under 5 devices; `at_least` where they
    may be longer in truth.
    """

    device_class: str
    kind: str
    mark: str
    quality: str
    devices: int
    starts: int
    median_ms: int | None
    p90_ms: int | None
    median_at_least: bool = False
    p90_at_least: bool = False


class SignInGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The same of ordinary sign-ins of 30 days, over all classes of devices."""

    kind: str
    mark: str
    quality: str
    devices: int
    sign_ins: int
    median_ms: int | None
    p90_ms: int | None
    median_at_least: bool = False
    p90_at_least: bool = False


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """On how many devices a fact is known, and why not on the others: reason -> number of devices."""

    fact: str
    known: int
    missing: dict[str, int]


class FlagMoves(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one rule's flags in the last 7 days."""

    raised: int
    cleared: int


class EstateSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over approved devices with status `in use`, unless a name says otherwise."""

    made_at: int
    devices: int
    by_status: dict[str, int]
    awaiting_approval: int
    split: int
    by_verdict: dict[str, int]  # `not judged` where no assessment stands
    by_class: dict[str, int]
    by_os: dict[str, int]
    by_agent_version: dict[str, int]
    by_silence: dict[str, int]  # reported within: 1 day, 7 days, 30 days, longer, never
    by_unit: dict[str, int]
    unit_verdicts: dict[str, dict[str, int]] = {}  # unit -> verdict -> devices
    flags_open: dict[str, int]  # rule id -> open flags
    flags_raised_total: int
    flags_cleared_total: int
    flags_7d: dict[str, FlagMoves] = {}  # rule id -> its flags raised and cleared in 7 days
    assessments_failed: int
    starts: list[StartGroup]
    sign_ins: list[SignInGroup] = []
    windows11: dict[str, dict[str, int]] = {}  # check of Windows 11, or `whole` -> result -> devices
    coverage: list[Coverage]
    collectors: dict[str, dict[str, int]] = {}  # collector -> outcome in the newest report -> devices
    problems: dict[str, dict[str, int]] = {}  # collector -> what failed most -> devices
    reports_24h: int
    unfolded: int
    oldest_unfolded_seconds: float | None
    due: int  # devices waiting to be judged
    drops: dict[str, int]  # facts that fold could not keep, by reason, ever
