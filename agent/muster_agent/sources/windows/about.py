"""What the registry says of a Windows device: its system, where it belongs, what waits for a restart, its drivers.

Enters: a machine. Leaves: facts as the wire names them; never a person's name, nor a key that holds one.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

from muster_agent.machine import Machine
from muster_agent.sources.machine_id import keyed_hash
from muster_agent.sources.windows import MACHINE, LogError
from muster_agent.sources.windows.events import parse_event, plain

_SOFTWARE, _SYSTEM = rf"{MACHINE}\SOFTWARE\Microsoft", rf"{MACHINE}\SYSTEM\CurrentControlSet"
_VERSION = rf"{_SOFTWARE}\Windows NT\CurrentVersion"
_FIRST_BUILD_OF_11 = 22_000
# Activation ids of the Windows 10 ESU programme, the same on all editions (learn.microsoft.com, "Enable ESU").
_ESU_YEARS = {
    1: "f520e45e-7413-4a34-a497-d2765967d094",
    2: "1043add5-23b1-4afb-9a0f-64343c8f3f8d",
    3: "83d49986-add3-41d7-ba33-87c7bfb5c0fb",
}
_LICENSED = 1
_UPDATES = "*[System[Provider[@Name='Microsoft-Windows-WindowsUpdateClient'] and EventID=19]]"
_KERNEL_STARTS = "*[System[Provider[@Name='Microsoft-Windows-Kernel-General'] and EventID=12]]"
_MOST_UPDATES = 400
# Defender's definitions and platform come daily and say nothing of how old Windows is.
_DEFINITIONS = re.compile(r"KB2267602|KB4052623|KB915597", re.IGNORECASE)
# Device setup classes whose drivers age visibly: display, network, storage controllers, audio, cameras, Bluetooth.
_DRIVER_CLASSES = {
    "display": "{4d36e968-e325-11ce-bfc1-08002be10318}",
    "network": "{4d36e972-e325-11ce-bfc1-08002be10318}",
    "storage": "{4d36e97b-e325-11ce-bfc1-08002be10318}",
    "audio": "{4d36e96c-e325-11ce-bfc1-08002be10318}",
    "bluetooth": "{e0cbf06c-cd8b-4647-bb8a-263b43f0f974}",
}
_MOST_DRIVERS = 32
_OU = re.compile(r"(?:^|,)OU=((?:[^,\\]|\\.)*)", re.IGNORECASE)


def read_system(machine: Machine) -> dict[str, Any]:
    """The section `system`."""
    version = machine.windows.values(_VERSION)
    build, revision = plain_number(version.get("CurrentBuildNumber")), plain_number(version.get("UBR"))
    major, minor = (plain_number(version.get(f"Current{part}VersionNumber")) for part in ("Major", "Minor"))
    name = text(version.get("ProductName"), 128)
    if name and build and build >= _FIRST_BUILD_OF_11:
        name = name.replace("Windows 10", "Windows 11")  # the registry never learnt the new name
    return {
        "hostname": machine.hostname(),
        "os_family": "windows",
        "os_id": "windows",
        "os_name": name,
        "os_version": text(version.get("DisplayVersion") or version.get("ReleaseId"), 64),
        "os_build": None if build is None else f"{build}.{revision}" if revision is not None else str(build),
        "os_edition": text(version.get("EditionID"), 64),
        "os_installed_on": day_of(version.get("InstallDate")),
        "kernel": None if build is None or major is None else f"{major}.{minor or 0}.{build}",
        "architecture": machine.architecture(),
        **_once_a_day(machine, pays=build is not None and build < _FIRST_BUILD_OF_11),
    }


def _once_a_day(machine: Machine, *, pays: bool) -> dict[str, Any]:
    """What costs the system more to tell than a registry key does."""
    kept, day = machine.notebook.get("once_a_day", {}), int(machine.wall() // 86_400)
    if kept.get("day") != day:
        kept = {"day": day, "updated_on": read_last_update(machine), "esu_year": _esu_year(machine) if pays else None}
        machine.notebook["once_a_day"] = kept
    return {"updated_on": kept["updated_on"], "esu_year": kept["esu_year"]}


def read_hostname(machine: Machine) -> str | None:
    """The computer's name."""
    return text(machine.windows.values(rf"{_SYSTEM}\Control\ComputerName\ActiveComputerName").get("ComputerName"), 64)


def read_machine_guid(machine: Machine) -> str | None:
    """What names this installation of Windows: confidential, and the same on every PC of a careless image."""
    return text(machine.windows.values(rf"{_SOFTWARE}\Cryptography").get("MachineGuid"), 64)


def read_architecture(machine: Machine) -> str:
    """The processor's, as Windows names it: AMD64, ARM64."""
    environment = machine.windows.values(rf"{_SYSTEM}\Control\Session Manager\Environment")
    return text(environment.get("PROCESSOR_ARCHITECTURE"), 64) or "unknown"


def read_boot_id(machine: Machine) -> str | None:
    """What names this start of the kernel, through every Fast Startup; None when the log does not tell."""
    try:
        found = map(parse_event, machine.windows.events("System", _KERNEL_STARTS, most=1))
        begun = next((event.data.get("StartTime") for event in found if event is not None), None)
    except LogError:
        return None
    return keyed_hash(f"boot:{begun}")[:32] if begun else None


def _esu_year(machine: Machine) -> int | None:
    """The last year of paid updates that is licensed here, 0 when none is; None when Windows does not tell."""
    licensed = 0
    for year, product in _ESU_YEARS.items():
        try:
            state = machine.windows.licence_state(guid_bytes(product))
        except OSError:
            return None
        licensed = year if state == _LICENSED else licensed
    return licensed


def guid_bytes(guid: str) -> bytes:
    """A GUID as it stands in memory: its first three groups are little-endian."""
    one, two, three, *rest = guid.split("-")
    return b"".join((*(bytes.fromhex(part)[::-1] for part in (one, two, three)), bytes.fromhex("".join(rest))))


def read_last_update(machine: Machine) -> str | None:
    """The day of the newest update that was installed, definitions left out; None when the log does not tell."""
    try:
        found = map(parse_event, machine.windows.events("System", _UPDATES, most=_MOST_UPDATES))
        events = [event for event in found if event is not None and event.data.get("updateTitle")]
    except LogError:
        return None
    installed = [event.at for event in events if not _DEFINITIONS.search(event.data["updateTitle"])]
    return day_of(max(installed, default=None))


def read_place(machine: Machine) -> dict[str, Any]:
    """The section `place`: how the device is joined, its AD site, and the organisational units above its account."""
    policy = machine.windows.values(rf"{_SOFTWARE}\Windows\CurrentVersion\Group Policy\State\Machine")
    netlogon = machine.windows.values(rf"{_SYSTEM}\Services\Netlogon\Parameters")
    account = str(policy.get("Distinguished-Name") or "")
    site = netlogon.get("SiteName") or netlogon.get("DynamicSiteName") or policy.get("Site-Name")
    domain = bool(account or site)
    entra = bool(machine.windows.subkeys(rf"{_SYSTEM}\Control\CloudDomainJoin\JoinInfo"))
    joins = {(True, True): "hybrid", (True, False): "domain", (False, True): "entra"}
    return {
        "join": joins.get((domain, entra), "workgroup"),
        "site": text(site, 64),
        "organisational_unit": parse_units(account),
    }


def parse_units(distinguished_name: str) -> str | None:
    """The organisational units of a distinguished name, the widest first: `Leeds/Laptops`. The account is left out."""
    units = [plain(re.sub(r"\\(.)", r"\1", unit)) for unit in _OU.findall(plain(distinguished_name))]
    return "/".join(unit for unit in reversed(units) if unit)[:256] or None


def read_restart(machine: Machine) -> dict[str, Any]:
    """The section `restart`: the places where Windows and its installers leave work for the next start."""
    windows = machine.windows
    servicing = {
        name.lower() for name in windows.subkeys(rf"{_SOFTWARE}\Windows\CurrentVersion\Component Based Servicing")
    }
    update = windows.subkeys(rf"{_SOFTWARE}\Windows\CurrentVersion\WindowsUpdate\Auto Update")
    names = rf"{_SYSTEM}\Control\ComputerName"
    now = windows.values(rf"{names}\ActiveComputerName").get("ComputerName")
    then = windows.values(rf"{names}\ComputerName").get("ComputerName")
    waits = {
        "component_servicing": "rebootpending" in servicing,
        "packages": "packagespending" in servicing,
        "windows_update": "rebootrequired" in (name.lower() for name in update),
        "computer_rename": bool(now and then and now != then),
    }
    reasons = [reason for reason, waiting in waits.items() if waiting]
    # Ordinary updaters leave files to rename all the time: a reason, but no restart of its own.
    files = windows.values(rf"{_SYSTEM}\Control\Session Manager").get("PendingFileRenameOperations")
    return {"pending": bool(reasons), "reasons": [*reasons, *(["file_rename"] if files else [])]}


def read_drivers(machine: Machine) -> list[dict[str, Any]]:
    """Drivers of the classes that matter: kind, name, provider, version, dated_on; Windows' own are left out."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for kind, guid in _DRIVER_CLASSES.items():
        key = rf"{_SYSTEM}\Control\Class\{guid}"
        for name in machine.windows.subkeys(key):
            values = machine.windows.values(rf"{key}\{name}") if name.isdigit() else {}
            provider, version = text(values.get("ProviderName"), 64), text(values.get("DriverVersion"), 64)
            if version and provider and provider != "Microsoft":
                about = {"kind": kind, "name": text(values.get("DriverDesc"), 128), "provider": provider}
                dated = {"version": version, "dated_on": parse_us_day(values.get("DriverDate"))}
                found.setdefault((kind, about["name"], version), {**about, **dated})
    return list(found.values())[:_MOST_DRIVERS]


def text(value: object, most: int) -> str | None:
    """A registry value as a short text; None when it is none."""
    return plain(value)[:most].strip() or None if isinstance(value, str) else None


def plain_number(value: object) -> int | None:
    """A number that the registry keeps as DWORD or as digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and 0 <= value < 2**32 else None


def day_of(seconds: object) -> str | None:
    """The UTC day of an instant in seconds since 1970, from 1990 on."""
    if not isinstance(seconds, int | float) or not 631_152_000 <= seconds < 2**32:
        return None
    return datetime.fromtimestamp(seconds, tz=timezone.utc).date().isoformat()  # noqa: UP017


def parse_us_day(value: object) -> str | None:
    """`7-18-2024` or `7/18/2024` as an ISO date."""
    parts = re.split(r"[-/]", value) if isinstance(value, str) else []
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
        return None
    try:
        return datetime(int(parts[2]), int(parts[0]), int(parts[1])).date().isoformat()  # noqa: DTZ001 - a day
    except ValueError:
        return None
