"""Installed software by title and version; absent where no package system that we read is in use."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from muster_agent.machine import Machine

MOST_TITLES = 4_000
_DPKG = "/var/lib/dpkg/status"


def collect(machine: Machine) -> dict[str, Any] | None:
    """The section `software`."""
    if machine.system == "windows":
        from muster_agent.sources.windows.software import read_titles

        return _section(read_titles(machine))
    if machine.system == "macos":
        from muster_agent.sources.macos.plists import read_titles as read_applications

        return _section(read_applications(machine))
    told = _section(_of_linux(machine))
    return told if told["titles"] or _package_system(machine) else None


def _section(titles: Iterator[dict[str, object]]) -> dict[str, Any]:
    return {"titles": list(islice(titles, MOST_TITLES)), "more_titles": sum(1 for _ in titles)}


def stamp(machine: Machine) -> Any:
    """Changes with what is installed; None where only collecting would tell."""
    if machine.system == "windows":
        return None
    if machine.system == "macos":
        from muster_agent.sources.macos.plists import stamp_of_applications

        return stamp_of_applications(machine)
    from muster_agent.sources import app_stores

    database = _package_system(machine)
    return [database, machine.changed_at(database) if database else None, *app_stores.stamps(machine)]


def _package_system(machine: Machine) -> str | None:
    """Where the system's own packages are listed, dpkg's or rpm's."""
    if machine.exists(_DPKG):
        return _DPKG
    from muster_agent.sources.rpm import read_database

    return read_database(machine)


def _of_linux(machine: Machine) -> Iterator[dict[str, object]]:
    """Every title; raises OSError when the system's own packages cannot be read: half a list would be a false one."""
    from muster_agent.sources import app_stores

    system = _package_system(machine)
    if system == _DPKG:
        from muster_agent.sources.dpkg import read_titles

        yield from read_titles(machine)
    elif system:
        from muster_agent.sources.rpm import read_titles as read_rpm_titles

        yield from read_rpm_titles(machine)
    for name, read in (("flatpak", app_stores.read_flatpak_titles), ("snap", app_stores.read_snap_titles)):
        try:
            yield from read(machine)
        except OSError as error:
            machine.remarks.append(f"{name}: {type(error).__name__}")
