"""The sections of a report: one struct a subject, as the collector of the same name sends it.

Every field is nullable where a device may not know it. Counts and facts only: ratios and opinions are the server's.
A section's latest body is kept under its name; `SECTIONS` is the list that the door accepts.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from muster_server.ingest.schema import Bytes, Count, Day, Instant, Name, Short, Wire
from muster_server.ingest.starts import SignIn, Start

MAX_TITLES = 4_000

Minutes = Annotated[int, Meta(ge=0, le=1_500)]
DeviceClass = Literal["desktop", "laptop", "tablet", "server", "virtual", "unknown"]
DriveKind = Literal["hdd", "ssd", "nvme", "unknown"]


class System(Wire, frozen=True):
    """What runs on the device: its name, operating system and kernel. Changes rarely.

    `os_build` is build and revision; `os_installed_on` the day of installation or of the last feature update;
    `updated_on` that of the last update of the system, definitions of Defender left out; `esu_year` the last year of
    extended security updates that is licensed, 0 when none is, null where the system needs none or does not tell.
    """

    hostname: Name | None = None
    os_family: Literal["windows", "linux", "macos", "unknown"] = "unknown"
    os_id: Short | None = None
    os_name: Name | None = None
    os_version: Short | None = None
    os_build: Short | None = None
    os_edition: Short | None = None
    os_installed_on: Day | None = None
    updated_on: Day | None = None
    esu_year: Annotated[int, Meta(ge=0, le=10)] | None = None
    kernel: Short | None = None
    architecture: Short | None = None


class Drive(Wire, frozen=True):
    """One fixed drive. `system` tells whether the operating system starts from it.

    `wear_percent` is the maker's own estimate, which may exceed 100; `failing` is the drive's own warning.
    """

    name: Short
    kind: DriveKind = "unknown"
    model: Name | None = None
    size_bytes: Bytes | None = None
    system: bool = False
    wear_percent: Annotated[int, Meta(ge=0, le=255)] | None = None
    power_on_hours: Count | None = None
    failing: bool | None = None


class MemorySlot(Wire, frozen=True):
    """One slot of the main memory. `bytes` is 0 when it is empty, null when it does not tell; MT/s as configured."""

    bytes: Bytes | None = None
    kind: Short | None = None
    speed_mts: Count | None = None
    soldered: bool = False


class Driver(Wire, frozen=True):
    """One driver that does not come with the system; its day is the one its maker gave it."""

    kind: Literal["display", "network", "storage", "audio", "bluetooth"]
    name: Name | None = None
    provider: Name | None = None
    version: Short | None = None
    dated_on: Day | None = None


class Hardware(Wire, frozen=True):
    """What the device is made of. `chassis_code` is the SMBIOS type-3 code. Changes rarely.

    `cpu_id` is vendor, family, model and stepping: `GenuineIntel 6 142 9`. `tpm_version` is `none` without a TPM.
    """

    device_class: DeviceClass = "unknown"
    chassis_code: Annotated[int, Meta(ge=0, le=255)] | None = None
    manufacturer: Name | None = None
    model: Name | None = None
    serial: Annotated[str, Meta(max_length=128)] | None = None
    bios_version: Name | None = None
    bios_on: Day | None = None
    cpu_model: Name | None = None
    cpu_cores: Count | None = None
    cpu_threads: Count | None = None
    memory_bytes: Bytes | None = None
    cpu_id: Short | None = None
    firmware: Literal["uefi", "bios"] | None = None
    secure_boot: bool | None = None
    tpm_version: Literal["2.0", "1.2", "none"] | None = None
    memory_slots: Annotated[list[MemorySlot], Meta(max_length=64)] | None = None
    memory_limit_bytes: Bytes | None = None
    drives: Annotated[list[Drive], Meta(max_length=32)] = []
    drivers: Annotated[list[Driver], Meta(max_length=32)] = []


class Place(Wire, frozen=True):
    """Where the device belongs, as its directory knows. Units are the widest first, joined by `/`. Changes rarely."""

    join: Literal["domain", "entra", "hybrid", "workgroup"] | None = None
    site: Short | None = None
    organisational_unit: Name | None = None


class UseHour(Wire, frozen=True):
    """Minutes at each level in one UTC hour, as increments since the previous report.

    `cpu`, `memory`, `disk` hold 12 integers each, one a level between the edges 0 10 20 30 40 50 60 70 80 85 90 95 100
    percent; levels are [a, b), the last one closed. `memory_pressure` is a 4 x 4 table of minutes: rows are available
    memory under 5, 10, 20 and up to 100 percent; columns hard faults a second under 10, 100, 1,000 and above.
    `commit_pressure` has the same columns; rows are committed memory under 70, 80, 90 percent of its limit and above.
    `disk_wait` holds 8 integers: minutes in which an operation of the slowest drive took under 1, 2, 5, 10, 20, 50, 100
    ms on average, and above; a minute without operations is in none. Null where the system cannot tell. Minutes not
    sampled are `missed`; minutes asleep are `suspended`.
    """

    hour_at: Instant
    cpu: Annotated[list[Minutes], Meta(min_length=12, max_length=12)] | None = None
    memory: Annotated[list[Minutes], Meta(min_length=12, max_length=12)] | None = None
    disk: Annotated[list[Minutes], Meta(min_length=12, max_length=12)] | None = None
    memory_pressure: (
        Annotated[list[Annotated[list[Minutes], Meta(min_length=4, max_length=4)]], Meta(min_length=4, max_length=4)]
        | None
    ) = None
    commit_pressure: (
        Annotated[list[Annotated[list[Minutes], Meta(min_length=4, max_length=4)]], Meta(min_length=4, max_length=4)]
        | None
    ) = None
    disk_wait: Annotated[list[Minutes], Meta(min_length=8, max_length=8)] | None = None
    missed: Minutes = 0
    suspended: Minutes = 0


class Use(Wire, frozen=True):
    """Use of resources since the previous report."""

    hours: Annotated[list[UseHour], Meta(max_length=24 * 35)]
    levels: Annotated[int, Meta(ge=1, le=1)] = 1


class Volume(Wire, frozen=True):
    """One fixed volume; `name` is a mount point from a closed list or a number, never a person's path."""

    name: Short
    total_bytes: Bytes
    free_bytes: Bytes
    system: bool = False


class Disks(Wire, frozen=True):
    """Space on fixed volumes."""

    volumes: Annotated[list[Volume], Meta(max_length=32)]


class Pack(Wire, frozen=True):
    """One battery pack. `design` and `full` are in the same unit (`Wh` or `Ah`).

    `charge_limit_percent` is where charging is made to stop, to spare the pack; null where nothing stops it.
    """

    name: Short
    unit: Literal["Wh", "Ah"] | None = None
    design: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    full: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    cycles: Count | None = None
    charge_percent: Annotated[float, Meta(ge=0, le=200)] | None = None
    charge_limit_percent: Annotated[int, Meta(ge=1, le=99)] | None = None
    state: Literal["charging", "discharging", "full", "not_charging", "unknown"] = "unknown"


class Battery(Wire, frozen=True):
    """Battery packs that power the device itself."""

    packs: Annotated[list[Pack], Meta(min_length=1, max_length=8)]


class Title(Wire, frozen=True):
    """One installed piece of software as its package system names it."""

    name: Name
    version: Annotated[str, Meta(max_length=128)] | None = None
    publisher: Name | None = None
    source: Literal["dpkg", "rpm", "flatpak", "snap", "registry", "appx", "macos"] = "dpkg"
    installed_on: Day | None = None


class Software(Wire, frozen=True):
    """Installed titles, at most 4,000; the rest only counted. Changes rarely."""

    titles: Annotated[list[Title], Meta(max_length=MAX_TITLES)]
    more_titles: Count = 0


class Restart(Wire, frozen=True):
    """Whether a restart is pending and why, by short reason codes."""

    pending: bool
    reasons: Annotated[list[Short], Meta(max_length=32)] = []


class Gap(Wire, frozen=True):
    """Reports that were thinned out of a full spool: from when to when they were collected, and how many."""

    first_at: Instant
    last_at: Instant
    reports: Count


class AgentHealth(Wire, frozen=True):
    """What the agent says of itself: losses and limits since its last report. Sent only when there are any."""

    rejected_reports: Count = 0
    thinned_reports: Count = 0
    spool_full: bool = False
    disabled_collectors: Annotated[list[Short], Meta(max_length=64)] = []
    notes: Annotated[list[Annotated[str, Meta(max_length=300)]], Meta(max_length=20)] = []
    gaps: Annotated[list[Gap], Meta(max_length=20)] = []


Section = (
    System | Hardware | Place | Use | Disks | Battery | Software | Restart | AgentHealth | list[Start] | list[SignIn]
)

SECTIONS: dict[str, object] = {
    "system": System,
    "hardware": Hardware,
    "place": Place,
    "starts": Annotated[list[Start], Meta(max_length=400)],
    "sign_ins": Annotated[list[SignIn], Meta(max_length=100)],
    "use": Use,
    "disks": Disks,
    "battery": Battery,
    "software": Software,
    "restart": Restart,
    "agent": AgentHealth,
}
