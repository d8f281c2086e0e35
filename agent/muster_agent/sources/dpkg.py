"""Software that dpkg installed: /var/lib/dpkg/status, and the change times of info/*.list as install dates."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import chain

from muster_agent.machine import Machine, instant
from muster_agent.sources.plain import short_text

_BASE = "/var/lib/dpkg"
_FIELDS = ("Package", "Version", "Architecture", "Status")
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{1,254}")  # Debian Policy 5.6.7
_LOG = "/var/log/dpkg.log"
_UPGRADED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} upgrade ")
_MOST_PACKED_BYTES, _MOST_LOG_BYTES = 2_000_000, 16 * 2**20
_OLDEST_YEAR = 1990
_OLDEST = 631_152_000.0  # 1990: an earlier change time was never set


def read_titles(machine: Machine) -> Iterator[dict[str, object]]:
    """Installed packages with version and the day of their last install or upgrade; raises OSError without dpkg."""
    newest = machine.wall() + 86_400
    for package in parse_status(machine.lines(f"{_BASE}/status")):
        name = package["Package"]
        changed = machine.changed_at(f"{_BASE}/info/{name}.list")
        if changed is None:
            changed = machine.changed_at(f"{_BASE}/info/{name}:{package.get('Architecture', '')}.list")
        yield {
            "name": name,
            "version": short_text(package.get("Version"), 128),
            "source": "dpkg",
            "installed_on": instant(changed)[:10] if changed is not None and _OLDEST <= changed <= newest else None,
        }


def read_updated_on(machine: Machine) -> str | None:
    """The day on which a package was last upgraded; None when no log of the last year tells."""
    page = machine.notebook.setdefault("dpkg", {})
    stamp = machine.changed_at(_LOG)
    if page.get("stamp") != stamp:
        page.update(stamp=stamp, updated_on=next(filter(None, map(parse_log, _logs(machine))), None))
    found: str | None = page.get("updated_on")
    return found


def _logs(machine: Machine) -> Iterator[Iterable[str]]:
    """The lines of the logs, the newest log first; logrotate packs those older than a month or two."""
    for name in (_LOG, f"{_LOG}.1"):
        if machine.exists(name):
            yield machine.lines(name)
    for number in range(2, 13):
        try:
            packed = machine.read_bytes(f"{_LOG}.{number}.gz", _MOST_PACKED_BYTES)
            yield zlib.decompressobj(31).decompress(packed, _MOST_LOG_BYTES).decode("utf-8", "replace").splitlines()
        except (OSError, zlib.error):
            continue


def parse_log(lines: Iterable[str]) -> str | None:
    """The day of the last line that tells of an upgrade: `2026-11-12 06:14:03 upgrade bash:amd64 5.2-1 5.2-2`."""
    found = None
    for line in lines:
        if _UPGRADED.match(line):
            found = line[:10]
    return found if found and _is_day(found) else None


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).year >= _OLDEST_YEAR
    except ValueError:
        return False


def parse_status(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """The paragraphs of installed packages, one at a time since there are thousands: Package, Version, Architecture."""
    fields: dict[str, str] = {}
    for line in chain(lines, ("",)):
        if line.strip():
            name, colon, value = line.partition(": ")
            if colon and name in _FIELDS:
                fields[name] = value.strip()
            continue
        if _NAME.fullmatch(fields.get("Package", "")) and fields.get("Status", "").endswith(" installed"):
            yield fields
        fields = {}
