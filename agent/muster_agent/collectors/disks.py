"""Space on fixed volumes. A mount point outside a closed list is only numbered: it may name a person."""

from __future__ import annotations

from typing import Any

from muster_agent.machine import Machine

_NAMED = ("/", "/home", "/var", "/usr", "/opt", "/srv", "/tmp", "/boot")  # noqa: S108 - mount points, not files
_FIXED = (
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "bcachefs", "overlay", "apfs", "hfs",
    "ntfs", "NTFS", "ReFS",
)  # fmt: skip
_MOST_VOLUMES = 32
_MOST_BYTES = 2**60  # an exbibyte: a larger number is none


def collect(machine: Machine) -> dict[str, Any] | None:
    """The section `disks`; absent where no fixed volume is mounted."""
    volumes: list[dict[str, Any]] = []
    seen: set[str] = set()
    starting = _system_volume(machine)
    parts = machine.ps.disk_partitions(all=machine.system != "windows")
    mounted = sorted(parts, key=lambda part: (part.mountpoint != starting, part.mountpoint))
    for part in mounted:
        if not _counts(part, machine) or part.device in seen or len(volumes) == _MOST_VOLUMES:
            continue
        seen.add(part.device)
        try:
            usage = machine.ps.disk_usage(part.mountpoint)
        except OSError:
            continue  # gone since, or not ours to see
        if 0 < usage.total <= _MOST_BYTES and 0 <= usage.free <= usage.total:
            name = _plain(part.mountpoint) or f"volume-{len(volumes)}"
            space = {"name": name, "total_bytes": usage.total, "free_bytes": usage.free}
            volumes.append({**space, "system": part.mountpoint == starting})
    return {"volumes": volumes} if volumes else None


def _system_volume(machine: Machine) -> str:
    if machine.system == "windows":
        from muster_agent.sources.windows.drives import read_system_letter

        return f"{read_system_letter(machine)}\\"
    return "/"


def _plain(mountpoint: str) -> str | None:
    """A mount point of the closed list, or a letter; a folder that a volume hangs in may name a person."""
    if len(mountpoint) == 3 and mountpoint.endswith(":\\"):
        return mountpoint[:2]
    return mountpoint if mountpoint in _NAMED else None


def _counts(part: Any, machine: Machine) -> bool:
    if machine.system == "windows":
        return part.fstype in _FIXED and "fixed" in part.opts
    if machine.system == "macos":
        return bool(part.mountpoint == "/")  # the others share its space or can be taken out
    removable = part.mountpoint.startswith(("/media/", "/run/media/", "/mnt/"))
    return part.fstype in _FIXED and not removable and (part.fstype != "overlay" or part.mountpoint == "/")
