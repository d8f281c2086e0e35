"""What people wait for: starts with their phases, sign-ins with their parts, and how the runs before ended.

Enters: a device's life and a span of true time. Leaves: the sections `starts` and `sign_ins` of that span, each told in
the pieces in which an agent comes to know it. Draws from generators of its own, one a start.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from tests.fleet.estate import Device
from tests.fleet.life import HOUR, MINUTE, Life, Start, iso

_CAP_SECONDS = 2_700.0  # an agent's timer ends here and tells a lower bound
_CAPPED = 1 / 150  # share of the starts of a Windows device that are still busy then
_ODD_STOPS = ("unexpected", "power_lost", "long_button_press")
_STOP_CODES = ("0x0000009f", "0x00000133", "0x0000001a", "0x000000ef")
_CRASHING = 40  # of so many Windows devices one crashes often
# Windows' own phases of the way from the sign-in screen to the desktop, as shares of it; the rest is the shell's.
_SHARES = {"sign_in_other_seconds": 0.12, "machine_policy_seconds": 0.18, "user_policy_seconds": 0.4}


@dataclass(frozen=True)
class SignIn:
    """A person at a device: when, of what kind, seconds to desktop and usable, and parts, which overlap."""

    at: int
    kind: str
    desktop: float
    usable: float
    capped: bool
    parts: dict[str, float]


def starts(life: Life, begins_at: int, *, ends_at: int, clock_ms: int) -> list[dict[str, Any]]:
    """Starts of which something came to be known in the span, as far as it is known at its end."""
    return [
        _start(life.device, start, known_at=ends_at, clock_ms=clock_ms)
        for day in life.days(begins_at - HOUR, ends_at)
        for start in day.starts
        if any(begins_at < at <= ends_at for at in _instants(life.device, start))
    ]


def sign_ins(life: Life, begins_at: int, *, ends_at: int, clock_ms: int) -> list[dict[str, Any]]:
    """Sign-ins that were over within the span; a Mac's are not timed."""
    if life.device.model.family == "macos":
        return []
    told = [
        sign_in
        for day in life.days(begins_at - 8 * HOUR, ends_at)
        for start in day.starts
        for sign_in in signed_in(life.device, start)
        if sign_in.at < day.begins_at + day.ends * MINUTE and begins_at < sign_in.at + 1000 * sign_in.usable <= ends_at
    ]
    return [_sign_in(life.device, sign_in, clock_ms=clock_ms) for sign_in in told]


def signed_in(device: Device, start: Start) -> tuple[SignIn, ...]:
    """The first sign-in after a start, and on a shared device some that follow it."""
    random = Random(f"sign-ins {device.key} {start.zero_at}")
    at = start.zero_at + round(1000 * (start.sign_in + random.uniform(4, 90)))
    found = [_after(device, start, random, at=at)]
    if device.shift != "office" and start.kind == "full":
        later = at + random.randrange(2 * HOUR, 6 * HOUR)
        found.append(_after(device, start, random, at=later))
    return tuple(found)


def _after(device: Device, start: Start, random: Random, *, at: int) -> SignIn:
    kinds: tuple[str, ...] = ("cached", "first", "roaming") if device.shift != "office" else ("cached",)
    if device.model.family == "linux":
        kinds = ("unknown",)
    kind = "remote" if device.model.device_class == "virtual" else random.choices(kinds, (12, 2, 3)[: len(kinds)])[0]
    slower = {"first": 4.0, "roaming": 1.6}.get(kind, 1.0) * random.lognormvariate(0, 0.15)
    desktop = round((start.desktop - start.sign_in) * slower, 3)
    parts = {
        "authentication": random.uniform(0.4, 2.5),
        "policy": desktop * random.uniform(0.3, 0.6),
        "profile": desktop * random.uniform(0.1, 0.3),
        "shell": desktop * random.uniform(0.2, 0.5),
    }
    if device.model.family == "linux":  # which tells no first sign-in and no parts
        parts = {}
    usable = desktop + (start.usable - start.desktop) * slower
    capped = usable > _CAP_SECONDS or (kind == "first" and random.random() < _CAPPED)
    parts = {name: round(seconds, 3) for name, seconds in parts.items()}
    return SignIn(at, kind, desktop, _CAP_SECONDS if capped else round(usable, 3), capped, parts)


def _sign_in(device: Device, sign_in: SignIn, *, clock_ms: int) -> dict[str, Any]:
    return {
        "sign_in_id": device.digest("sign-in", sign_in.at),
        "at": iso(sign_in.at + clock_ms),
        "kind": sign_in.kind,
        "to_desktop_seconds": sign_in.desktop,
        "to_desktop_quality": "estimated" if device.model.family == "windows" else "own",
        "to_usable_seconds": sign_in.usable,
        **({"lower_bounds": ["to_usable"]} if sign_in.capped else {}),
        **{f"{name}_seconds": seconds for name, seconds in sign_in.parts.items()},
    }


def _start(device: Device, start: Start, *, known_at: int, clock_ms: int) -> dict[str, Any]:
    """A start as far as it is known at an instant: it is told in pieces."""
    windows = device.model.family == "windows"
    usable, capped = _usable(device, start)
    marks = {"sign_in": start.sign_in, "settled": start.usable}  # systemd has no later end than its last unit
    if windows:
        marks = {"sign_in": start.sign_in, "desktop": start.desktop, "usable": usable}
        marks |= {} if capped else {"settled": start.settled}  # it never did
    told: dict[str, Any] = {
        "start_id": device.digest("start", start.zero_at),
        "kind": start.kind,
        "zero_at": iso(start.zero_at + clock_ms),
        "firmware_seconds": start.firmware,
        "after_update": start.after_update,
        **stop_before(device, start),
    }
    for name, seconds in marks.items():
        if start.zero_at + 1000 * seconds <= known_at:
            told[f"to_{name}_seconds"] = seconds
            told[f"to_{name}_quality"] = "own" if name == "usable" else "measured"
            told[f"to_{name}_revision"] = 1
    if capped and "to_usable_seconds" in told:
        told["lower_bounds"] = ["to_usable"]
    if "to_settled_seconds" in told:
        told.update(_windows_phases(start) if windows else _linux_phases(start))
        if start.culprits:
            told["culprits"] = [{"name": n, "kind": kind, "seconds": s} for n, kind, s in start.culprits]
    return told


def stop_before(device: Device, start: Start) -> dict[str, str]:
    """How the run before a start ended; a kernel that was only thawed keeps no record of it."""
    if start.kind != "full":
        return {}
    if device.model.family != "windows":  # its journal tells whether it was shut down, and nothing more
        return {
            "stop_before": "clean" if Random(f"stop {device.key} {start.zero_at}").random() > 0.01 else "unexpected"
        }
    if start.after_update:
        return {"stop_before": "update"}
    random = Random(f"stop {device.key} {start.zero_at}")
    crashes = device.number % _CRASHING == 7
    if random.random() < (0.25 if crashes else 0.004):
        code = _STOP_CODES[device.number // _CRASHING % len(_STOP_CODES)]
        return {"stop_before": "bugcheck", "stop_code": code}
    return {"stop_before": random.choice(_ODD_STOPS) if random.random() < 0.01 else "clean"}


def _usable(device: Device, start: Start) -> tuple[float, bool]:
    """Seconds until usable, and whether the timer ended before it was."""
    capped = Random(f"cap {device.key} {start.zero_at}").random() < _CAPPED and device.model.family == "windows"
    return (_CAP_SECONDS, True) if capped else (start.usable, False)


def _windows_phases(start: Start) -> dict[str, float]:
    """What adds up to the desktop, and the settling after it."""
    way = start.desktop - start.sign_in
    phases = {name: way * share for name, share in _SHARES.items()}
    kernel = min(3.0, start.sign_in / 3)
    phases |= {"kernel_seconds": kernel, "session_seconds": start.sign_in - kernel}
    phases |= {"shell_seconds": way * (1 - sum(_SHARES.values())), "settling_seconds": start.settled - start.desktop}
    return {"loader_seconds": 1.3, **{name: round(seconds, 3) for name, seconds in phases.items()}}


def _linux_phases(start: Start) -> dict[str, float]:
    kernel, initrd = min(3.0, start.sign_in / 4), min(2.0, start.sign_in / 5)
    userspace = start.usable - kernel - initrd
    phases = {"kernel_seconds": kernel, "initrd_seconds": initrd, "userspace_seconds": userspace}
    return {"loader_seconds": 2.1, **{name: round(seconds, 3) for name, seconds in phases.items()}}


def _instants(device: Device, start: Start) -> tuple[float, ...]:
    seconds = (0, start.sign_in, _usable(device, start)[0], start.settled)
    return tuple(start.zero_at + 1000 * each for each in seconds)
