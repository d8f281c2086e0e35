"""Software that flatpak and snapd installed for everybody on the device; what somebody installed alone is theirs."""

from __future__ import annotations

from collections.abc import Iterator

from muster_agent.machine import Machine, instant
from muster_agent.sources.plain import short_text

_FLATPAK = "/var/lib/flatpak"
_SNAPS = ("/snap", "/var/lib/snapd/snap")
_NO_SNAPS = {"bin", "README"}
_OLDEST, _NEWEST = 631_152_000.0, 1e10


def read_flatpak_titles(machine: Machine) -> Iterator[dict[str, object]]:
    """Applications and runtimes; raises OSError when flatpak cannot tell."""
    if not (machine.names_in(f"{_FLATPAK}/app") or machine.names_in(f"{_FLATPAK}/runtime")):
        return iter(())
    return parse_flatpak_titles(machine.run(["flatpak", "list", "--system", "--columns=application,version,branch"]))


def parse_flatpak_titles(text: str) -> Iterator[dict[str, object]]:
    """Titles out of lines of application, version and branch, separated by tabs; a runtime may have a branch alone."""
    seen = set()
    for line in text.splitlines():
        name, version, branch = [*line.split("\t"), "", ""][:3]
        title = (short_text(name, 256), short_text(version, 128) or short_text(branch, 128))
        if title[0] and "." in title[0] and title not in seen:
            seen.add(title)
            yield {"name": title[0], "version": title[1], "source": "flatpak", "installed_on": None}


def read_snap_titles(machine: Machine) -> Iterator[dict[str, object]]:
    """Snaps, as the files mounted from each tell; no program is asked."""
    place = next(filter(machine.exists, _SNAPS), "")
    for name in machine.names_in(place) if place else ():
        told = machine.read_or_none(f"{place}/{name}/current/meta/snap.yaml") if name not in _NO_SNAPS else None
        if told is None:
            continue
        revision = machine.resolved(f"{place}/{name}/current").rsplit("/", 1)[-1]
        changed = machine.changed_at(f"/var/lib/snapd/snaps/{name}_{revision}.snap")
        known = changed is not None and _OLDEST <= changed <= _NEWEST
        yield {
            "name": short_text(name, 256) or "a snap",
            "version": parse_snap_version(told),
            "source": "snap",
            "installed_on": instant(changed or 0.0)[:10] if known else None,
        }


def parse_snap_version(text: str) -> str | None:
    """The version in a snap.yaml, whose value may stand in quotes."""
    for line in text.splitlines():
        if line.startswith("version:"):
            return short_text(line.partition(":")[2].strip().strip("\"'"), 128)
    return None


def stamps(machine: Machine) -> list[float | None]:
    """Change whenever something was installed or removed."""
    return [machine.changed_at(path) for path in (f"{_FLATPAK}/.changed", f"{_FLATPAK}/app", *_SNAPS)]
