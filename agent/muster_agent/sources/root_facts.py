"""What root alone may read on Linux, as `muster-agent facts` leaves it for the daemon, which is nobody.

Enters: a file that is hostile until checked here. Leaves: its parts, each by the source that it stands in for; what is
not of its shape is None.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from muster_agent.machine import Machine
from muster_agent.sources.plain import short_text

PATH = "/run/muster-agent-facts/facts.json"
FORM = 1
MOST_BOOTS = 400
_MOST_BYTES = 500_000
_HOUR = 3_600.0
_AWAITED_SECONDS = 600.0  # after a start; the unit runs a minute after it
_UNITS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")

_Shape = Callable[[Any], Any]


def _text(most: int) -> _Shape:
    return lambda value: short_text(value.replace("\x00", ""), most) if isinstance(value, str) else None


def _number(most: int) -> _Shape:
    return lambda value: value if type(value) is int and 0 <= value <= most else None


def _seconds(most: float) -> _Shape:
    return lambda value: value if type(value) in (int, float) and 0 <= value <= most else None


def _word(*known: str) -> _Shape:
    return lambda value: value if value in known else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _record(**fields: _Shape) -> _Shape:
    def checked(value: Any) -> dict[str, Any] | None:
        return {name: fits(value.get(name)) for name, fits in fields.items()} if isinstance(value, dict) else None

    return checked


def _list(fits: _Shape, most: int) -> _Shape:
    def checked(value: Any) -> list[Any] | None:
        parts = [fits(part) for part in value[:most]] if isinstance(value, list) else None
        return None if parts is None else [part for part in parts if part is not None]

    return checked


def _by_name(fits: _Shape, most: int) -> _Shape:
    def checked(value: Any) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            return None
        parts = {name[:64]: fits(part) for name, part in list(value.items())[:most]}
        return {name: part for name, part in parts.items() if part is not None}

    return checked


_SLOT = _record(bytes=_number(2**60), kind=_text(64), speed_mts=_number(100_000), soldered=lambda value: value is True)
_BOOT = _record(
    boot_id=_text(64),
    zero_at=_seconds(1e10),
    stop_before=_word("clean", "unexpected", "bugcheck"),
    to_settled_seconds=_seconds(1e9),
    kernel_seconds=_seconds(1e9),
    initrd_seconds=_seconds(1e9),
    userspace_seconds=_seconds(1e9),
    firmware_seconds=_seconds(_HOUR),
    loader_seconds=_seconds(_HOUR),
)
_PARTS: dict[str, _Shape] = {
    "dmi": _record(product_serial=_text(128), product_uuid=_text(64)),
    "fpdt": _record(firmware_seconds=_seconds(_HOUR), loader_seconds=_seconds(_HOUR)),
    "boots": _list(_BOOT, MOST_BOOTS),
    "drives": _by_name(_record(wear_percent=_number(255), power_on_hours=_number(10**6), failing=_flag), 32),
    "memory": _record(memory_slots=_list(_SLOT, 64), memory_limit_bytes=_number(2**60)),
}


def read_part(machine: Machine, name: str) -> Any:
    """One part of the facts, checked; None where there is none."""
    try:
        content = machine.read_bytes(PATH, _MOST_BYTES + 1)
        facts = json.loads(content) if len(content) <= _MOST_BYTES else None
    except (OSError, ValueError, RecursionError):
        return None
    return _PARTS[name](facts.get(name)) if isinstance(facts, dict) and facts.get("form") == FORM else None


def are_awaited(machine: Machine) -> bool:
    """Whether this device started just now, has the unit that brings the facts, and it has not brought them yet."""
    units = (f"{place}/muster-agent-facts.timer" for place in _UNITS)
    young = machine.elapsed() < _AWAITED_SECONDS
    return young and not machine.exists(PATH) and any(map(machine.exists, units))
