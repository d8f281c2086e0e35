"""The sections of a report: one struct a subject, as the collector of the same name sends it.

Every field is nullable where a device may not know it. Counts and facts only: ratios and opinions are the server's.
A section's latest body is kept under its name; `SECTIONS` is the list that the door accepts.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from muster_server.ingest.schema import Instant, Name, Seconds, Short, Wire

MAX_TITLES = 4_000

Bytes = Annotated[int, Meta(ge=0, le=2**60)]
Count = Annotated[int, Meta(ge=0, le=2**31)]
Minutes = Annotated[int, Meta(ge=0, le=1_500)]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Quality = Literal["measured", "own", "estimated"]
Revision = Annotated[int, Meta(ge=0, le=1_000)]
DeviceClass = Literal["desktop", "laptop", "tablet", "server", "virtual", "unknown"]
DriveKind = Literal["hdd", "ssd", "nvme", "unknown"]


class System(Wire, frozen=True):
    """What runs on the device: its name, operating system and kernel. Changes rarely."""

    hostname: Name | None = None
    os_family: Literal["windows", "linux", "macos", "unknown"] = "unknown"
    os_id: Short | None = None
    os_name: Name | None = None
    os_version: Short | None = None
    os_build: Short | None = None
    os_edition: Short | None = None
    kernel: Short | None = None
    architecture: Short | None = None


class Drive(Wire, frozen=True):
    """One fixed drive. `system` tells whether the operating system starts from it."""

    name: Short
    kind: DriveKind = "unknown"
    model: Name | None = None
    size_bytes: Bytes | None = None
    system: bool = False


class Hardware(Wire, frozen=True):
    """What the device is made of. `chassis_code` is the SMBIOS type-3 code. Changes rarely."""

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
    drives: Annotated[list[Drive], Meta(max_length=32)] = []


class Culprit(Wire, frozen=True):
    """What slowed a start: a unit, service, driver or program by its base name."""

    name: Annotated[str, Meta(max_length=128)]
    kind: Literal["unit", "service", "driver", "application", "policy", "device", "other"]
    seconds: Seconds


class Start(Wire, frozen=True):
    """One boot of one device. Marks are seconds after `zero_at` (the kernel's start), each null until known.

    A start arrives in pieces: the same `start_id` may come again with more marks or a higher revision. With `exact_id`
    the id is made of what names this boot alone; without, a start of the same kind within 60 s is the same start.
    """

    start_id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    kind: Literal["full", "fast_startup", "resume", "soft_reboot", "unknown"]
    zero_at: Instant
    exact_id: bool = False
    to_sign_in_seconds: Seconds | None = None
    to_sign_in_quality: Quality | None = None
    to_sign_in_revision: Revision = 0
    to_desktop_seconds: Seconds | None = None
    to_desktop_quality: Quality | None = None
    to_desktop_revision: Revision = 0
    to_usable_seconds: Seconds | None = None
    to_usable_quality: Quality | None = None
    to_usable_revision: Revision = 0
    to_settled_seconds: Seconds | None = None
    to_settled_quality: Quality | None = None
    to_settled_revision: Revision = 0
    firmware_seconds: Seconds | None = None
    loader_seconds: Seconds | None = None
    kernel_seconds: Seconds | None = None
    initrd_seconds: Seconds | None = None
    userspace_seconds: Seconds | None = None
    before_agent: bool = False
    after_update: bool = False
    culprits: Annotated[list[Culprit], Meta(max_length=20)] = []


class UseHour(Wire, frozen=True):
    """Minutes at each level in one UTC hour, as increments since the previous report.

    `cpu`, `memory`, `disk` hold 12 integers each, one a level between the edges 0 10 20 30 40 50 60 70 80 85 90 95 100
    percent; levels are [a, b), the last one closed. `memory_pressure` is a 4 x 4 table of minutes: rows are available
    memory under 5, 10, 20 and up to 100 percent; columns hard faults a second under 10, 100, 1,000 and above. Null
    where the system cannot tell. Minutes not sampled are `missed`; minutes asleep are `suspended`.
    """

    hour_at: Instant
    cpu: Annotated[list[Minutes], Meta(min_length=12, max_length=12)] | None = None
    memory: Annotated[list[Minutes], Meta(min_length=12, max_length=12)] | None = None
    disk: Annotated[list[Minutes], Meta(min_length=12, max_length=12)] | None = None
    memory_pressure: (
        Annotated[list[Annotated[list[Minutes], Meta(min_length=4, max_length=4)]], Meta(min_length=4, max_length=4)]
        | None
    ) = None
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
    """One battery pack. `design` and `full` are in the same unit (`Wh` or `Ah`)."""

    name: Short
    unit: Literal["Wh", "Ah"] | None = None
    design: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    full: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    cycles: Count | None = None
    charge_percent: Annotated[float, Meta(ge=0, le=200)] | None = None
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


class AgentHealth(Wire, frozen=True):
    """What the agent says of itself: losses and limits since its last report. Sent only when there are any."""

    rejected_reports: Count = 0
    thinned_reports: Count = 0
    spool_full: bool = False
    disabled_collectors: Annotated[list[Short], Meta(max_length=64)] = []
    notes: Annotated[list[Annotated[str, Meta(max_length=300)]], Meta(max_length=20)] = []


Section = System | Hardware | Use | Disks | Battery | Software | Restart | AgentHealth | list[Start]

SECTIONS: dict[str, object] = {
    "system": System,
    "hardware": Hardware,
    "starts": Annotated[list[Start], Meta(max_length=400)],
    "use": Use,
    "disks": Disks,
    "battery": Battery,
    "software": Software,
    "restart": Restart,
    "agent": AgentHealth,
}
