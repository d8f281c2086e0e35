"""Software that dpkg installed: /var/lib/dpkg/status, and the change times of info/*.list as install dates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from muster_agent.machine import Machine, instant
from muster_agent.sources.plain import short_text

_BASE = "/var/lib/dpkg"
_FIELDS = ("Package", "Version", "Architecture", "Status")
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{1,254}")  # Debian Policy 5.6.7
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
