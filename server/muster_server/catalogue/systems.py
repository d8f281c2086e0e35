"""An operating system as a device names it → product and cycle. A wrong match is worse than none.

Windows is matched by build and edition, because one build has up to four end dates.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple

from muster_server.catalogue.eol import Cycle, products
from muster_server.ingest.sections import System

# os-release ID → slug, where they differ. `None` in the data means no match, and so unknown.
_LINUX = {"rocky": "rocky-linux", "opensuse-leap": "opensuse", "ol": "oracle-linux", "amzn": "amazon-linux"}
_MAJOR_ONLY = {"debian", "rhel", "rocky-linux", "almalinux", "oracle-linux", "centos"}

# EditionID → the suffix of the cycle. Pro Education and Pro for Workstations are serviced like Pro.
_WINDOWS = {
    "-w": {"core", "coren", "coresinglelanguage", "professional", "professionaln", "professionaleducation",
           "professionalworkstation"},
    "-e": {"enterprise", "enterprisen", "education", "educationn"},
    "-e-lts": {"enterprises", "enterprisesn"},
    "-iot-lts": {"iotenterprises"},
}  # fmt: skip
# Debian's long-term support comes to everyone from the same archive; Windows and Ubuntu sell theirs.
_FREE_EXTENSION = {"debian"}


# The last day of each year of extended security updates for Windows 10 (Microsoft's lifecycle page).
_ESU_ENDS = {1: date(2026, 10, 13), 2: date(2027, 10, 12), 3: date(2028, 10, 10)}


class Match(NamedTuple):
    """A system that was recognised; `cycle` is null when it is newer than the data."""

    product: str
    version: str
    cycle: Cycle | None
    extension_is_free: bool


def match(system: System) -> Match | None:
    """The product and cycle of a system, or None when it is not known for certain."""
    if system.os_family == "windows":
        return _windows((system.os_edition or "").lower(), (system.os_build or "").split(".")[0])
    if system.os_family == "macos":
        return _numbered("macos", system.os_version or "", by="major")
    if system.os_family == "linux" and system.os_id:
        slug = _LINUX.get(system.os_id, system.os_id)
        return _numbered(slug, system.os_version or "", by="major" if slug in _MAJOR_ONLY else "whole")
    return None


def licensed_days(system: System, on: date) -> int | None:
    """Days from `on` that a licence told by the device goes on, negative without one; None where it does not tell."""
    if system.esu_year is None:
        return None
    ends_on = _ESU_ENDS.get(min(system.esu_year, max(_ESU_ENDS)))
    return -1 if ends_on is None else (ends_on - on).days


@lru_cache(maxsize=512)
def _windows(edition: str, build: str) -> Match | None:
    suffix = next((suffix for suffix, names in _WINDOWS.items() if edition in names), None)
    if suffix is None or not build.isdigit():
        return None
    cycles = products()["windows"].cycles
    known = {int(parts[2]) for cycle in cycles if len(parts := (cycle.latest or "").split(".")) == 3}
    of_build = [cycle for cycle in cycles if (cycle.latest or "").endswith(f".{build}")]
    fitting = [cycle for cycle in of_build if cycle.name.endswith(suffix) and _edition_of(cycle.name) == suffix]
    if not of_build and int(build) > max(known):
        return Match("windows", build, None, extension_is_free=False)
    # Cycles before 2019 carry no suffix when all editions end on one day.
    plain = [cycle for cycle in of_build if _edition_of(cycle.name) == ""] if suffix in ("-w", "-e") else []
    cycle = next(iter(fitting or plain), None)
    return None if cycle is None else Match("windows", cycle.name, cycle, extension_is_free=False)


def _edition_of(name: str) -> str:
    return next((suffix for suffix in ("-iot-lts", "-e-lts", "-e", "-w") if name.endswith(suffix)), "")


def _numbered(slug: str, version: str, *, by: Literal["major", "whole"]) -> Match | None:
    product = products().get(slug)
    parts = version.split(".")
    if product is None or not parts[0].isdigit():
        return None
    # macOS before 11 counted its releases behind the dot.
    wanted = ".".join(parts[:2]) if by == "whole" or (parts[0] == "10" and slug == "macos") else parts[0]
    free = slug in _FREE_EXTENSION
    for cycle in product.cycles:
        if cycle.name in (wanted, version):
            return Match(slug, cycle.name, cycle, free)
    newest = max((int(c.name.split(".")[0]) for c in product.cycles if c.name.split(".")[0].isdigit()), default=0)
    return Match(slug, wanted, None, free) if int(parts[0]) > newest else None
