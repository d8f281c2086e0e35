"""Property lists: applications, what was installed when, and the battery as ioreg(8) writes it."""

from __future__ import annotations

import plistlib
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any
from xml.parsers.expat import ExpatError

from muster_agent.machine import Machine
from muster_agent.sources.plain import short_text

_APPLICATIONS = "/Applications"  # a person's own stand in their home, which is not read
_HISTORY = "/Library/Receipts/InstallHistory.plist"
_MOST_BYTES = 4 * 2**20
_INSTALLERS = ("softwareupdated", "macOS Installer", "OS X Installer", "InstallAssistant")
# Definitions come every day and say nothing of the system's age.
_DEFINITIONS = ("xprotect", "mrtconfigdata", "gatekeeper", "incompatible kernel extension", "core suggestions")
_MOST_MILLIAMPERE_HOURS = 100_000
_MOST_CYCLES = 100_000
# What a plist parser raises at what is none; its own list is not complete.
_BROKEN = (plistlib.InvalidFileException, ExpatError, ValueError, LookupError, TypeError, AttributeError,
           OverflowError, RecursionError, MemoryError)  # fmt: skip


def parse_plist(raw: bytes) -> Any:
    """The document, or None when it is none; binary or XML."""
    try:
        return plistlib.loads(raw)
    except _BROKEN:
        return None


def read_titles(machine: Machine) -> Iterator[dict[str, object]]:
    """Applications of this device as the wire wants titles, by name; installed_on is the day of their last change."""
    for folder, info, changed_at in _applications(machine):
        found = parse_application(_read(machine, info), folder)
        yield {**found, "installed_on": _day(changed_at)}


def stamp_of_applications(machine: Machine) -> list[list[object]]:
    """Changes when one comes, goes or is replaced."""
    return [[folder, changed_at] for folder, _, changed_at in _applications(machine)]


def _applications(machine: Machine) -> Iterator[tuple[str, str, float]]:
    """Folder, what describes it, and when that last changed."""
    for folder in machine.names_in(_APPLICATIONS):
        info = f"{_APPLICATIONS}/{folder}/Contents/Info.plist"
        changed_at = machine.changed_at(info) if folder.endswith(".app") else None
        if changed_at is not None:
            yield folder, info, changed_at


def parse_application(raw: bytes, folder: str) -> dict[str, object]:
    """Name and version, as its makers wrote them; else by the name of its folder."""
    about = parse_plist(raw)
    about = about if isinstance(about, dict) else {}
    texts = {key: value.replace("\x00", "") for key, value in about.items() if isinstance(value, str)}
    name = texts.get("CFBundleDisplayName") or texts.get("CFBundleName") or folder.removesuffix(".app")
    version = texts.get("CFBundleShortVersionString") or texts.get("CFBundleVersion")
    return {"name": short_text(name, 256) or "?", "version": short_text(version, 128), "source": "macos"}


def read_updated_on(machine: Machine) -> str | None:
    """The day of the last update of the system, definitions left out."""
    return parse_updated_on(_read(machine, _HISTORY)) if machine.exists(_HISTORY) else None


def parse_updated_on(raw: bytes) -> str | None:
    """Out of the list of everything that was ever installed."""
    listed = parse_plist(raw)
    days = [_update_day(entry) for entry in listed] if isinstance(listed, list) else []
    return max((day for day in days if day), default=None)


def read_packs(machine: Machine) -> list[dict[str, object]]:
    """The battery of a portable Mac; none on others. Raises OSError."""
    command = ["/usr/sbin/ioreg", "-r", "-n", "AppleSmartBattery", "-a"]
    return parse_packs(machine.run(command).encode())


def parse_packs(raw: bytes) -> list[dict[str, object]]:
    """Packs as the wire wants them, in Ah. `MaxCapacity` is mAh on Intel and a percentage on Apple's own chips."""
    listed = parse_plist(raw)
    packs = [part for part in listed if isinstance(part, dict)] if isinstance(listed, list) else []
    return [_pack(values, number) for number, values in enumerate(packs)]


def _pack(values: dict[str, Any], number: int) -> dict[str, object]:
    inner = values.get("BatteryData")
    known = {**(inner if isinstance(inner, dict) else {}), **values}

    def whole(name: str, most: int) -> int | None:
        value = known.get(name)
        return value if type(value) is int and 0 <= value <= most else None

    design = whole("DesignCapacity", _MOST_MILLIAMPERE_HOURS)
    full = whole("AppleRawMaxCapacity", _MOST_MILLIAMPERE_HOURS) or whole(
        "NominalChargeCapacity", _MOST_MILLIAMPERE_HOURS
    )
    if not full and (whole("MaxCapacity", _MOST_MILLIAMPERE_HOURS) or 0) > 100:
        full = known["MaxCapacity"]
    present, most = whole("CurrentCapacity", _MOST_MILLIAMPERE_HOURS), whole("MaxCapacity", _MOST_MILLIAMPERE_HOURS)
    percent = round(100 * present / most, 1) if present is not None and most and present <= 2 * most else None
    return {
        "name": f"battery-{number}",
        "unit": "Ah" if design else None,
        "design": design / 1_000 if design else None,
        "full": full / 1_000 if full else None,
        "cycles": whole("CycleCount", _MOST_CYCLES),
        "charge_percent": percent,
        "state": _state(known),
    }


def _state(known: dict[str, Any]) -> str:
    if known.get("FullyCharged") is True:
        return "full"
    if known.get("IsCharging") is True:
        return "charging"
    return {True: "not_charging", False: "discharging"}.get(known.get("ExternalConnected") is True, "unknown")


def _update_day(entry: Any) -> str | None:
    at = entry.get("date") if isinstance(entry, dict) and entry.get("processName") in _INSTALLERS else None
    title = str(entry.get("displayName")).lower() if at is not None else ""
    if not isinstance(at, datetime) or any(word in title for word in _DEFINITIONS):
        return None
    return at.date().isoformat()


def _read(machine: Machine, path: str) -> bytes:
    try:
        return machine.read_bytes(path, _MOST_BYTES)
    except OSError:
        return b""


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).date().isoformat()  # noqa: UP017 - as machine.instant
