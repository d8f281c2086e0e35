"""How figures and facts read on a page. Pure: values in, texts out. A missing value is always said as not known."""

from __future__ import annotations

from typing import Any

import msgspec
from markupsafe import Markup, escape

from muster_server.clock import DAY_MS, HOUR_MS, to_datetime

UNKNOWN = "not known"

# What a person reads for a value of the store; anything else is shown as it is.
NAMES = {
    "to_sign_in": "sign-in screen",
    "to_desktop": "desktop",
    "to_usable": "usable",
    "to_settled": "settled",
    "full": "full start",
    "fast_startup": "fast start-up",
    "resume": "resume",
    "soft_reboot": "soft reboot",
    "unknown": "unknown",
    "hdd": "hard disk",
    "ssd": "solid-state drive",
    "nvme": "NVMe drive",
    "ended": "support has ended",
    "extended_only": "extended support only",
    "supported": "supported",
    "newer_than_data": "newer than the end-of-life data",
    "not_charging": "not charging",
}
SIGN_INS = {
    "first": "first on this device",
    "cached": "profile on the device",
    "roaming": "roaming profile",
    "remote": "remote",
    "unlock": "unlocked",
    "automatic": "automatic",
    "unknown": "of unknown kind",
}
SUGGESTIONS = {"replace": "Candidate for replacement", "upgrade": "Upgrade", "fix": "Fix"}
STATES = {"over": "Found", "between": "Near its limit", "under": "Not found", "unknown": "Not known"}


def named(value: Any) -> str:
    """A stored value in words."""
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NAMES.get(str(value), str(value))


def count(number: int | None, one: str = "") -> str:
    """`1,204 devices`: a number with its noun, which takes an s unless there is one of it."""
    if number is None:
        return UNKNOWN
    noun = one if number == 1 else f"{one}s"
    return f"{number:,} {noun}".rstrip() if one else f"{number:,}"


def percent(ratio: float | None) -> str:
    """A ratio as a whole percentage; what is neither nothing nor all is never rounded to it."""
    if ratio is None:
        return UNKNOWN
    if 0 < ratio < 0.01:
        return "under 1 %"
    if 0.99 < ratio < 1:
        return "over 99 %"
    return f"{100 * ratio:.0f} %"


def share(part: int, whole: int) -> float | None:
    """A part of a whole as a ratio; None where the whole is nothing."""
    return part / whole if whole else None


def size(byte_count: int | None) -> str:
    """Bytes in the largest binary unit that leaves at least one."""
    if byte_count is None:
        return UNKNOWN
    number, units = float(byte_count), ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while number >= 1024 and len(units) > 1:
        number /= 1024
        units.pop(0)
    return f"{number:.0f} {units[0]}" if units[0] == "B" or number >= 100 else f"{number:.1f} {units[0]}"


def seconds(milliseconds: float | None) -> str:
    """A duration as a person says it: `4.2 s`, `48 s`, `2 min 5 s`, `1 h 4 min`."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < 9_950:
        return f"{milliseconds / 1000:.1f} s"
    whole = round(milliseconds / 1000)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return _joined(f"{whole // 60} min", f"{whole % 60} s")
    return _joined(f"{whole // 3_600} h", f"{whole % 3_600 // 60} min")


def bounded(milliseconds: float | None, at_least: bool | None) -> str:  # noqa: FBT001 - a pair as it is stored
    """A duration that may be a lower bound: `at least 45 min`."""
    return f"at least {seconds(milliseconds)}" if at_least else seconds(milliseconds)


def minutes(number: int | None) -> str:
    """Minutes in hours and minutes."""
    if number is None:
        return UNKNOWN
    return f"{number} min" if number < 60 else f"{number / 60:,.0f} h"


def age(at: int | None, now: int) -> str:
    """How long ago an instant (epoch ms) was; `never` for none."""
    if at is None:
        return "never"
    past = max(0, now - at)
    if past < 60_000:
        return f"{past // 1000} s ago"
    if past < HOUR_MS:
        return f"{past // 60_000} min ago"
    if past < DAY_MS:
        return f"{past // HOUR_MS} h ago"
    return f"{count(past // DAY_MS, 'day')} ago"


def span(milliseconds: int) -> str:
    """A long duration in its largest unit: `12 s`, `5 min`, `3 h`, `12 days`."""
    return age(0, milliseconds).removesuffix(" ago")


def day(at: int | None) -> str:
    """The date (UTC) of an instant: `5 Mar 2026`."""
    if at is None:
        return UNKNOWN
    moment = to_datetime(at)
    return f"{moment.day} {moment:%b %Y}"


def moment(at: int | None) -> str:
    """Date and time (UTC) of an instant: `5 Mar 2026, 09:04`."""
    return UNKNOWN if at is None else f"{day(at)}, {to_datetime(at):%H:%M}"


def skew(milliseconds: int | None) -> str:
    """How far a device's clock is off."""
    if milliseconds is None:
        return UNKNOWN
    if abs(milliseconds) < 2_000:
        return "right within 2 s"
    return f"{seconds(abs(milliseconds))} {'ahead' if milliseconds > 0 else 'behind'}"


def evidence_value(value: Any, unit: str) -> str:
    """A value of an evidence sheet in its unit (see `health/findings.py`)."""
    if value is None or isinstance(value, bool | str):
        return named(value)
    return {
        "seconds": lambda: seconds(1000 * value),
        "ratio": lambda: percent(value),
        "bytes": lambda: size(round(value)),
        "days": lambda: count(round(value), "day"),
    }.get(unit, lambda: f"{value:,.1f}".removesuffix(".0"))()


def marked(text: str) -> Markup:
    """A sentence with what stands between backticks as code."""
    pieces = [
        Markup("<code>{}</code>").format(piece) if n % 2 else escape(piece) for n, piece in enumerate(text.split("`"))
    ]
    return Markup().join(pieces)


def decoded(text: str | None, otherwise: Any = None) -> Any:
    """JSON of the store; `otherwise` where there is none."""
    return msgspec.json.decode(text) if text else otherwise


def _joined(large: str, small: str) -> str:
    return large if small.startswith("0 ") else f"{large} {small}"
