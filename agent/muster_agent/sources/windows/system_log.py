"""The System log's word on starts: when each began, of which kind, how the run before it ended. Pure.

Enters: events. Leaves: `Boot`s in the order of their records, and what may be said of each. The log's service writes
the kernel's records of a start late and in one go, so record order is not time order: EventLog 6005 stands before the
Kernel-Boot 27 of its own start, and behind it stands how the run before ended.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, NamedTuple

from muster_agent.sources.windows.events import Event, milliseconds, parse_instant, whole

CHANNEL = "System"
_BOOT, _KERNEL, _POWER = (
    "Microsoft-Windows-Kernel-Boot",
    "Microsoft-Windows-Kernel-General",
    "Microsoft-Windows-Kernel-Power",
)
_WAKE, _SIGN_IN = "Microsoft-Windows-Power-Troubleshooter", "Microsoft-Windows-Winlogon"
_LOG, _USER, _CRASH = "EventLog", "User32", "Microsoft-Windows-WER-SystemErrorReporting"
_WANTED = (1, 12, 13, 20, 27, 30, 32, 41, 109, 1001, 1074, 6005, 6006, 6008, 7001)
QUERY = f"*[System[({' or '.join(f'EventID={number}' for number in _WANTED)}) and EventRecordID>{{after}}]]"

# Written for a start, near the record that names it on either side; the others belong to the run they stand in.
_OF_A_START = {(_BOOT, 20), (_BOOT, 30), (_BOOT, 32), (_KERNEL, 12), (_POWER, 41), (_LOG, 6005), (_LOG, 6008)}
BATCH_RECORDS = 64
_KINDS = {0: "full", 1: "fast_startup", 2: "resume"}
_HIBERNATED, _FROM_HARDWARE_CLOCK = 5, "2"  # SYSTEM_POWER_STATE; Kernel-General 1's Reason
_TWIN_SECONDS, _WAKE_SECONDS, _JUMP_SECONDS = 60.0, 120.0, 2.0
_MOST_SECONDS = 7_200.0
_MOST_FIRMWARE_MS = 3_600_000
# reason.h: an operating-system reason (major 2) whose minor part is installing, upgrading or fixing.
_UPDATE_MINORS = {0x02, 0x03, 0x10, 0x11, 0x12, 0x16, 0x17, 0x18}
_ORDERLY = {(_KERNEL, 13), (_POWER, 109), (_LOG, 6006), (_USER, 1074)}


class Boot(NamedTuple):
    """One start, named by the instant of the record that tells of it; `zero` is the kernel's start or thaw.

    `own` was written for it, `run` from its record to the next start's, `before` in the run before it.
    """

    kind: str
    named_at: float
    zero: float
    record: int
    own: list[Event]
    run: list[Event]
    before: list[Event]


def boots_of(events: list[Event]) -> list[Boot]:
    """The starts that a stretch of the log tells of, oldest record first."""
    ordered = sorted(events, key=lambda event: event.record)
    boots = _named(ordered)
    records = [boot.record for boot in boots]
    for event in ordered:
        if not boots:
            break
        if (event.provider, event.id) in _OF_A_START:
            nearest = min(boots, key=lambda boot: abs(boot.record - event.record))
            if abs(nearest.record - event.record) <= BATCH_RECORDS:
                nearest.own.append(event)
            continue
        place = bisect_right(records, event.record)
        if place:
            boots[place - 1].run.append(event)
        if place < len(boots):
            boots[place].before.append(event)
    return boots


def _named(ordered: list[Event]) -> list[Boot]:
    """The starts by the first found of Kernel-Boot 27, a wake from hibernation, the kernel's own StartTime."""
    found = []
    for event in ordered:
        if (event.provider, event.id) == (_BOOT, 27):
            number = whole(event.data.get("BootType"))
            kind = "unknown" if number is None else _KINDS.get(number, "unknown")
            found.append(Boot(kind, event.at, event.at, event.record, [], [], []))
    told = list(found)
    for event in ordered:
        wake, begun = _thaw(event), _kernel_start(event)
        if wake and all(old.kind == "full" or abs(old.zero - wake[1]) > _WAKE_SECONDS for old in told):
            found.append(Boot("resume", *wake, event.record, [], [], []))
        elif begun and all(abs(old.zero - begun) > _TWIN_SECONDS for old in told):
            found.append(Boot("full", begun, begun, event.record, [], [], []))
    return sorted(found, key=lambda boot: boot.record)


def _kernel_start(event: Event) -> float | None:
    return parse_instant(event.data.get("StartTime")) if (event.provider, event.id) == (_KERNEL, 12) else None


def _thaw(event: Event) -> tuple[float, float] | None:
    """(wake over, kernel thawed) of a wake from hibernation: WakeTime comes WakeDuration after the thaw."""
    over, lasted = parse_instant(event.data.get("WakeTime")), milliseconds(event, "WakeDuration")
    if (event.provider, event.id) != (_WAKE, 1) or over is None or not _from_hibernation(event):
        return None
    return over, over - (lasted or 0) / 1000


def _from_hibernation(wake: Event) -> bool:
    state = whole(wake.data.get("EffectiveState"))
    return (whole(wake.data.get("TargetState")) if state is None else state) == _HIBERNATED


def estimated(boot: Boot) -> dict[str, Any]:
    """`to_sign_in_seconds`, where event 100 is missing; empty when the log does not tell.

    After a kernel's start: when services were up, unless the clock was set between. After a thaw: when the wake was
    over, since the sign-in screen stands in the image that was read back.
    """
    begun, up, wake = _one(boot.own, (_KERNEL, 12)), _one(boot.own, (_LOG, 6005)), _wake_of(boot)
    zero = _kernel_start(begun) if begun else None
    if wake is not None:
        seconds = wake[0] - boot.zero
    elif up is None or zero is None or any(jump.record < up.record for jump in _jumps(boot)):
        return {}
    else:
        seconds = up.at - zero
    return {"to_sign_in_seconds": round(seconds, 3), "to_sign_in_quality": "estimated"} if _plausible(seconds) else {}


def _wake_of(boot: Boot) -> tuple[float, Event] | None:
    """(wake over, its event) of the thaw that this start is."""
    for event in boot.run if boot.kind in ("fast_startup", "resume") else ():
        wake = _thaw(event)
        if wake and abs(wake[1] - boot.zero) <= _WAKE_SECONDS:
            return wake[0], event
    return None


def first_sign_in(boot: Boot) -> float | None:
    """When a person's credentials were first accepted, in seconds since 1970; None when the clock was set before."""
    accepted = _one(boot.run, (_SIGN_IN, 7001))
    if accepted is None or any(jump.record < accepted.record for jump in _jumps(boot)):
        return None
    return accepted.at


def _jumps(boot: Boot) -> list[Event]:
    """Times at which somebody or something set the clock by more than a little.

    After every sleep it is set by the time slept, from the hardware's clock; all later records follow it.
    """
    found = []
    for event in boot.run:
        old, new = parse_instant(event.data.get("OldTime")), parse_instant(event.data.get("NewTime"))
        set_by_hand = (event.provider, event.id) == (_KERNEL, 1) and event.data.get("Reason") != _FROM_HARDWARE_CLOCK
        if set_by_hand and (not old or not new or abs(new - old) > _JUMP_SECONDS):
            found.append(event)
    return found


def _plausible(seconds: float) -> bool:
    return 0 < seconds <= _MOST_SECONDS


def before_zero(boot: Boot, *, post_ms: int | None, loader_seconds: float | None, pin: bool) -> dict[str, float]:
    """`firmware_seconds` and `loader_seconds`, a person's time at a PIN prompt taken out.

    `post_ms` is the firmware's own figure of the latest start, `loader_seconds` event 100's, `pin` whether the disk may
    want a PIN. Kernel-Boot 30 (out of ACPI's FPDT) tells in which phase the prompt stood; without it, a wait that
    cannot be placed leaves both unknown.
    """
    prompt, timed = _one(boot.own, (_BOOT, 32)), _one(boot.own, (_BOOT, 30))
    waited = whole(prompt.data.get("BitlockerUserInputTime")) if prompt else None
    if waited is None and pin:
        return {}
    if timed is not None:
        loaded = milliseconds(timed, "StartOSImageStart", most=_MOST_FIRMWARE_MS)
        left = milliseconds(timed, "ExitBootServicesExit", most=_MOST_FIRMWARE_MS)
        if loaded and left and left - loaded >= (waited or 0):
            return {"firmware_seconds": loaded / 1000, "loader_seconds": (left - loaded - (waited or 0)) / 1000}
    if waited:
        return {}
    found = {"firmware_seconds": post_ms / 1000} if post_ms and post_ms <= _MOST_FIRMWARE_MS else {}
    loader = loader_seconds if loader_seconds is not None else _hibernation_read(boot)
    return {**found, "loader_seconds": loader} if loader else found


def _hibernation_read(boot: Boot) -> float | None:
    """How long the kernel's image was read back from the disk, which is the loader's work of such a start."""
    wake = _wake_of(boot)
    read = milliseconds(wake[1], "HiberReadDuration", most=_MOST_FIRMWARE_MS) if wake else None
    return read / 1000 if read else None


def stop_before(boot: Boot) -> dict[str, str]:
    """How the run before ended: `stop_before` and, of a crash, `stop_code`; empty when the log does not tell."""
    dirty, crash = _one(boot.own, (_POWER, 41)), _one(boot.run, (_CRASH, 1001))
    code = whole(dirty.data.get("BugcheckCode")) if dirty else None
    told = _stop_code(crash.data.get("param1", "")) if crash else None
    if code or told:
        return {"stop_before": "bugcheck", "stop_code": f"0x{code or told:08x}"}
    if dirty is not None:
        pressed = whole(dirty.data.get("PowerButtonTimestamp"))
        return {"stop_before": "long_button_press" if pressed else "power_lost"}
    if _one(boot.own, (_LOG, 6008)) is not None:
        return {"stop_before": "unexpected"}
    if boot.kind == "resume":
        return {}
    if _update_was_installed(boot):
        return {"stop_before": "update"}
    good = _one(boot.own, (_BOOT, 20))
    orderly = boot.kind == "fast_startup" or any((event.provider, event.id) in _ORDERLY for event in boot.before)
    return {"stop_before": "clean"} if orderly or (good and good.data.get("LastShutdownGood") == "true") else {}


def after_update(boot: Boot, earlier: list[Boot]) -> bool:
    """Whether this is the first start after an update: it was restarted for one, or the kernel is another build."""
    build = _build(boot)
    known = next((found for old in reversed(earlier) if (found := _build(old))), None)
    return _update_was_installed(boot) or (build is not None and known is not None and build != known)


def _build(boot: Boot) -> tuple[str, str] | None:
    begun = _one(boot.own, (_KERNEL, 12))
    found = (begun.data.get("BuildVersion", ""), begun.data.get("QfeVersion", "")) if begun else ("", "")
    return found if all(found) else None


def _update_was_installed(boot: Boot) -> bool:
    """Whether the last orderly shutdown or restart was for an update (User32 1074, reason code)."""
    asked = [event for event in boot.before if (event.provider, event.id) == (_USER, 1074)]
    try:
        code = int(asked[-1].data.get("param4", "")[:12], 16) if asked else 0
    except ValueError:
        return False
    return code >> 16 & 0xFF == 2 and code & 0xFF in _UPDATE_MINORS


def _stop_code(text: str) -> int | None:
    """The first number of `0x0000009f (0x…, …)`."""
    try:
        return int(text.split(maxsplit=1)[0][:18], 16) or None
    except (ValueError, IndexError):
        return None


def _one(events: list[Event], kind: tuple[str, int]) -> Event | None:
    return next((event for event in events if (event.provider, event.id) == kind), None)
