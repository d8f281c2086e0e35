"""SMBIOS facts, as Linux shows them under /sys/class/dmi/id and Windows in the table itself.

On Linux serial and UUID may be read by root alone; the daemon has them from `muster-agent facts`.
"""

from __future__ import annotations

import re
from datetime import date

from muster_agent.machine import Machine
from muster_agent.sources import root_facts
from muster_agent.sources.plain import short_text, whole_number

_NAMES = ("sys_vendor", "product_name", "product_version", "product_serial", "product_uuid", "chassis_type",
          "bios_version", "bios_date")  # fmt: skip
_SHOWN = "/sys/class/dmi/id"
OF_ROOT = ("product_serial", "product_uuid")
_JUNK = {
    "", "0", "none", "n/a", "unknown", "default string", "to be filled by o.e.m.", "to be filled by o.e.m",
    "system serial number", "system product name", "system manufacturer", "system version", "chassis serial number",
    "not specified", "not present", "not available", "not applicable", "no asset tag", "<bad index>", "<out of spec>",
    "03000200-0400-0500-0006-000700080009", "123456789", "oem",
}  # fmt: skip


_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def read_dmi(machine: Machine) -> dict[str, str]:
    """The facts that are there and not junk."""
    if machine.system == "windows":
        known = {name: clean(value) for name, value in _in_table(machine).items() if name in _NAMES}
    else:
        known = {name: clean(machine.read_or_none(f"{_SHOWN}/{name}")) for name in _NAMES}
        if is_withheld(machine):
            told = root_facts.read_part(machine, "dmi") or {}
            known |= {name: clean(told.get(name)) for name in OF_ROOT}
    if not _UUID.fullmatch(known.get("product_uuid") or ""):
        known["product_uuid"] = None
    return {name: value for name, value in known.items() if value is not None}


def is_withheld(machine: Machine) -> bool:
    """Whether the kernel keeps serial and UUID from this process."""
    uuid = f"{_SHOWN}/product_uuid"
    return machine.exists(uuid) and machine.read_or_none(uuid) is None


def _in_table(machine: Machine) -> dict[str, str]:
    from muster_agent.sources.smbios import parse_facts, read_table

    try:
        return parse_facts(read_table(machine))
    except OSError:
        return {}


def clean(value: str | None) -> str | None:
    """A vendor's value, or None when it is one of those that vendors leave in."""
    if value is None or value.strip().lower() in _JUNK:
        return None
    bare = value.replace("-", "").replace(" ", "").lower()
    return None if set(bare) <= {"0"} or set(bare) <= {"f"} or set(bare) <= {"x"} else short_text(value, 128)


def parse_day(value: str | None) -> str | None:
    """MM/DD/YYYY of the BIOS as an ISO date."""
    parts = [whole_number(part, 9_999) for part in (value or "").split("/")]
    if len(parts) != 3 or None in parts:
        return None
    month, day, year = (part or 0 for part in parts)
    try:
        return date(year, month, day).isoformat() if year >= 1980 else None
    except ValueError:
        return None
