"""The policy: thresholds, switches and weights only. Free of Polars.

Enters: a TOML file. Leaves: a frozen `Policy` and its digest. A mistake names file, key and the nearest known name.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from muster_server.encoding import canonical
from muster_server.errors import MusterError

Ratio = Annotated[float, Meta(ge=0, le=1)]
Weight = Annotated[float, Meta(ge=0, le=100)]
Days = Annotated[int, Meta(ge=0, le=400)]
Amount = Annotated[float, Meta(ge=0)]


class PolicyError(MusterError):
    """A policy file cannot be used; the text says where and why."""


class _Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    enabled: bool
    weight: Weight


class SlowStart(_Rule, frozen=True):
    """Seconds of the median start."""

    over_seconds: Amount
    under_seconds: Amount


class MemoryShort(_Rule, frozen=True):
    """Share of observed minutes short of memory."""

    over_ratio: Ratio
    under_ratio: Ratio
    least_days: Days


class DiskNearlyFull(_Rule, frozen=True):
    """Free space of the system volume; over when either is below, under when both are above."""

    over_ratio: Ratio
    under_ratio: Ratio
    over_bytes: Annotated[int, Meta(ge=0)]
    under_bytes: Annotated[int, Meta(ge=0)]
    least_days: Days


class HardDisk(_Rule, frozen=True):
    """The system drive is a hard disk."""


class OsUnsupported(_Rule, frozen=True):
    """The operating system's support has ended."""

    paid_extension_held: bool
    warn_days: Days


class BatteryWorn(_Rule, frozen=True):
    """Full charge over design."""

    over_ratio: Ratio
    under_ratio: Ratio
    least_days: Days


class General(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for all rules."""

    least_judged_ratio: Ratio
    fact_days: Days
    window_days: Days


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds in force; one table a rule, under the rule's id."""

    slow_start: SlowStart
    memory_short: MemoryShort
    disk_nearly_full: DiskNearlyFull
    hard_disk: HardDisk
    os_unsupported: OsUnsupported
    battery_worn: BatteryWorn
    general: General

    @property
    def sha256(self) -> str:
        """Digest of the policy's values: what an assessment names."""
        return hashlib.sha256(canonical(self).encode()).hexdigest()


def load_policy(path: str | None) -> Policy:
    """The policy in a file, or the one that ships with Muster; raises PolicyError."""
    try:
        text = Path(path).read_text("utf-8") if path else _shipped()
        values = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PolicyError(f"The policy {path} cannot be read: {reason}.") from None
    where = path or "policy.toml"
    _refuse_unknown(values, msgspec.structs.fields(Policy), where=where)
    for table in msgspec.structs.fields(Policy):
        if isinstance(values.get(table.name), dict):
            _refuse_unknown(values[table.name], msgspec.structs.fields(table.type), where=f"{where}, [{table.name}]")
    try:
        return msgspec.convert(values, Policy)
    except msgspec.ValidationError as error:
        place = re.search(r"`\$\.?([\w.]*)`", str(error))
        key = place.group(1) if place else ""
        raise PolicyError(f"{where}, {key or 'top'}: {str(error).split(' - at ')[0]}.") from None


def _shipped() -> str:
    return resources.files("muster_server.health").joinpath("policy.toml").read_text("utf-8")


def _refuse_unknown(values: dict[str, Any], fields: tuple[msgspec.structs.FieldInfo, ...], *, where: str) -> None:
    names = [field.name for field in fields]
    for name in values:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}."
            raise PolicyError(f"{where}: unknown key {name!r}; {hint}")
