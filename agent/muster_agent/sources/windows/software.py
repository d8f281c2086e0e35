"""Installed software as the registry lists it: uninstall keys of 64 and 32 bits and of loaded profiles, and Appx.

Enters: a machine. Leaves: titles as the wire wants them, whoever they were installed for. A profile's keys are read
where it is loaded, and neither its SID nor its folder leaves: a person's name in a title of their own is taken out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from muster_agent.machine import Machine
from muster_agent.sources.windows import EVERYONE, MACHINE
from muster_agent.sources.windows.about import parse_us_day, text

_UNINSTALL = r"Microsoft\Windows\CurrentVersion\Uninstall"
_WHOLE_MACHINE = (rf"{MACHINE}\SOFTWARE\{_UNINSTALL}", rf"{MACHINE}\SOFTWARE\WOW6432Node\{_UNINSTALL}")
_APPX = rf"{MACHINE}\SOFTWARE\Microsoft\Windows\CurrentVersion\Appx\AppxAllUserStore"
_APPX_OF_PROFILE = (
    r"Software\Classes\Local Settings\Software\Microsoft\Windows\CurrentVersion\AppModel\Repository\Packages"
)
_PROFILES = rf"{MACHINE}\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
_PERSONS = re.compile(r"S-1-(5-21|12-1)-[\d-]+$", re.IGNORECASE)  # accounts of a domain or computer, of Entra
_UPDATES = {"update", "hotfix", "security update", "update rollup", "service pack"}
_KB = re.compile(r"^KB\d+$|\(KB\d{6,}\)", re.IGNORECASE)
_APPX_NAME = re.compile(r"([A-Za-z0-9.-]{3,50})_(\d+(?:\.\d+){1,3})_[^_]*_[^_]*_[a-z0-9]{13}")


def read_titles(machine: Machine) -> Iterator[dict[str, object]]:
    """Every title once, by name, version and publisher: those of the machine first, then of loaded profiles."""
    seen = set()
    for title in _titles(machine):
        known = (title["source"], title["name"], title["version"], title["publisher"])
        if known not in seen:
            seen.add(known)
            yield title


def _titles(machine: Machine) -> Iterator[dict[str, object]]:
    for key in _WHOLE_MACHINE:
        yield from _uninstall_titles(machine, key, person="")
    profiles = [name for name in machine.windows.subkeys(EVERYONE) if _PERSONS.match(name)]
    for profile in profiles:
        folder = str(machine.windows.values(rf"{_PROFILES}\{profile}").get("ProfileImagePath") or "")
        person = re.split(r"[\\/]", folder)[-1]
        yield from _uninstall_titles(machine, rf"{EVERYONE}\{profile}\Software\{_UNINSTALL}", person=person)
    stores = [rf"{_APPX}\Applications", rf"{_APPX}\InboxApplications"]
    for store in (*stores, *(rf"{EVERYONE}\{profile}\{_APPX_OF_PROFILE}" for profile in profiles)):
        yield from filter(None, map(parse_package, machine.windows.subkeys(store)))


def _uninstall_titles(machine: Machine, key: str, *, person: str) -> Iterator[dict[str, object]]:
    for name in machine.windows.subkeys(key):
        title = parse_uninstall(machine.windows.values(rf"{key}\{name}"), person=person)
        if title is not None:
            yield title


def parse_uninstall(values: dict[str, Any], *, person: str) -> dict[str, object] | None:
    """One product; None for parts and updates of another, and for what Windows hides. `person` is taken out."""
    name = _without(person, text(values.get("DisplayName"), 256))
    release = str(values.get("ReleaseType") or "").lower()
    part = values.get("SystemComponent") == 1 or values.get("ParentKeyName") or release in _UPDATES
    if not name or part or _KB.search(name):
        return None
    return {
        "name": name,
        "version": _without(person, text(values.get("DisplayVersion"), 128)),
        "publisher": _without(person, text(values.get("Publisher"), 256)),
        "source": "registry",
        "installed_on": parse_install_day(values.get("InstallDate")),
    }


def _without(person: str, value: str | None) -> str | None:
    if value is None or len(person) < 2:
        return value
    return re.sub(rf"(?<!\w){re.escape(person)}(?!\w)", "", value, flags=re.IGNORECASE).strip(" -()\\/") or None


def parse_install_day(value: object) -> str | None:
    """InstallDate as an ISO date: YYYYMMDD, as seen also YYYYMDD, or M/D/YYYY; None for all else."""
    digits = text(value, 16) or ""
    if digits.isascii() and digits.isdigit() and len(digits) in (7, 8):
        try:
            day = datetime(int(digits[:4]), int(digits[4:-2]), int(digits[-2:])).date()  # noqa: DTZ001 - a day
        except ValueError:
            return None
        return day.isoformat() if day.year >= 1990 else None
    return parse_us_day(digits)


def parse_package(full_name: str) -> dict[str, object] | None:
    """A Store app out of `Name_Version_Architecture_Resource_PublisherHash`."""
    found = _APPX_NAME.fullmatch(full_name)
    if found is None:
        return None
    return {"name": found[1], "version": found[2], "publisher": None, "source": "appx", "installed_on": None}
