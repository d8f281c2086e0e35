"""Software that rpm installed, and the day of its last change. Names, versions and days alone are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from muster_agent.machine import Machine, instant
from muster_agent.sources.plain import short_text, whole_number

_DATABASES = tuple(
    f"{place}/{name}"
    for place in ("/usr/lib/sysimage/rpm", "/var/lib/rpm")
    for name in ("rpmdb.sqlite", "Packages.db", "Packages")
)
_FORMAT = r"%{NAME}\t%{EPOCHNUM}\t%{VERSION}-%{RELEASE}\t%{INSTALLTIME}\n"
_NO_SOFTWARE = "gpg-pubkey"  # a key that rpm keeps like a package
_OLDEST, _NEWEST = 631_152_000, 10**10  # 1990; an instant beyond 2286 is none


def read_database(machine: Machine) -> str | None:
    """The file in which rpm keeps what is installed; None where rpm installs nothing."""
    return next(filter(machine.exists, _DATABASES), None)


def read_titles(machine: Machine) -> Iterator[dict[str, object]]:
    """Installed packages, those of several architectures once; raises OSError when rpm cannot tell."""
    return parse_titles(machine.run(["rpm", "-qa", "--qf", _FORMAT]))


def parse_titles(text: str) -> Iterator[dict[str, object]]:
    """Titles out of lines of name, epoch, version and instant of installation, separated by tabs."""
    seen = set()
    for line in text.splitlines():
        parts = line.split("\t")
        name = short_text(parts[0], 256)
        if len(parts) != 4 or not name or name == _NO_SOFTWARE or tuple(parts[:3]) in seen:
            continue
        seen.add(tuple(parts[:3]))
        epoch, at = whole_number(parts[1]), whole_number(parts[3], _NEWEST)
        yield {
            "name": name,
            "version": short_text(f"{epoch}:{parts[2]}" if epoch else parts[2], 128),
            "source": "rpm",
            "installed_on": instant(at)[:10] if at is not None and at >= _OLDEST else None,
        }


def read_updated_on(machine: Machine) -> str | None:
    """The day on which rpm's database last changed: an update, or something installed since."""
    database = read_database(machine)
    changed = machine.changed_at(database) if database else None
    return instant(changed)[:10] if changed is not None and _OLDEST <= changed <= _NEWEST else None
