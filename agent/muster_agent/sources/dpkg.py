"""Software that dpkg installed: /var/lib/dpkg/status, and the change times of info/*.list as install dates."""

from __future__ import annotations

from muster_agent.machine import Machine, instant

_BASE = "/var/lib/dpkg"


def read_titles(machine: Machine) -> list[dict[str, object]]:
    """Installed packages with version and the day of their last install or upgrade; raises OSError without dpkg."""
    titles: list[dict[str, object]] = []
    for package in parse_status(machine.read(f"{_BASE}/status")):
        name, architecture = package["Package"], package.get("Architecture", "")
        changed = machine.changed_at(f"{_BASE}/info/{name}.list")
        if changed is None:
            changed = machine.changed_at(f"{_BASE}/info/{name}:{architecture}.list")
        title = {"name": name[:256], "version": package.get("Version", "")[:128] or None, "source": "dpkg"}
        titles.append({**title, "installed_on": None if changed is None else instant(changed)[:10]})
    return titles


def parse_status(text: str) -> list[dict[str, str]]:
    """The paragraphs of installed packages: Package, Version, Architecture."""
    found = []
    for paragraph in text.split("\n\n"):
        fields: dict[str, str] = {}
        for line in paragraph.split("\n"):
            name, colon, value = line.partition(": ")
            if colon and name in ("Package", "Version", "Architecture", "Status"):
                fields[name] = value.strip()
        if "Package" in fields and fields.get("Status", "").endswith(" installed"):
            found.append(fields)
    return found
