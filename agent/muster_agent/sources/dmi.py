"""SMBIOS facts as Linux shows them under /sys/class/dmi/id. Serial and UUID may be read by root alone."""

from __future__ import annotations

from muster_agent.machine import Machine

_NAMES = ("sys_vendor", "product_name", "product_version", "product_serial", "product_uuid", "chassis_type",
          "bios_version", "bios_date")  # fmt: skip
_JUNK = {
    "", "0", "none", "n/a", "unknown", "default string", "to be filled by o.e.m.", "to be filled by o.e.m",
    "system serial number", "system product name", "system manufacturer", "system version", "chassis serial number",
    "not specified", "not present", "not available", "not applicable", "no asset tag", "<bad index>", "<out of spec>",
    "03000200-0400-0500-0006-000700080009", "123456789", "oem",
}  # fmt: skip


def read_dmi(machine: Machine) -> dict[str, str]:
    """The facts that are there and not junk."""
    known = {name: clean(machine.read_or_none(f"/sys/class/dmi/id/{name}")) for name in _NAMES}
    return {name: value for name, value in known.items() if value is not None}


def clean(value: str | None) -> str | None:
    """A vendor's value, or None when it is one of those that vendors leave in."""
    if value is None or value.strip().lower() in _JUNK:
        return None
    bare = value.replace("-", "").replace(" ", "").lower()
    return None if set(bare) <= {"0"} or set(bare) <= {"f"} or set(bare) <= {"x"} else value.strip()[:128]


def parse_day(value: str | None) -> str | None:
    """MM/DD/YYYY of the BIOS as an ISO date."""
    parts = (value or "").split("/")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    month, day, year = (int(part) for part in parts)
    return f"{year:04}-{month:02}-{day:02}" if 1 <= month <= 12 and 1 <= day <= 31 and year >= 1980 else None
