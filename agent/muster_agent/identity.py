"""How a machine is known again after a reinstall: hints from its hardware, and a keyed hash of its machine id.

Enters: a machine. Leaves: hints for enrolment and the hash that every report carries. Junk values are None.
"""

from __future__ import annotations

import hashlib

from muster_agent.machine import Machine
from muster_agent.sources import block, dmi, machine_id, root_facts


def hints(machine: Machine) -> dict[str, str | None]:
    """smbios_uuid, system_serial, disk_serial, hardware_hash (SHA-256 over the three), machine_hash.

    While serial and UUID are kept from this process, there is no hash: another one, once they are known, would make the
    device look like two.
    """
    facts = _of_mac(machine) if machine.system == "macos" else dmi.read_dmi(machine)
    serial = facts.get("disk_serial") or _system_drive_serial(machine)
    found: dict[str, str | None] = {
        "smbios_uuid": facts.get("product_uuid"),
        "system_serial": facts.get("product_serial"),
        "disk_serial": dmi.clean(serial),
    }
    known = not dmi.is_withheld(machine) or machine.exists(root_facts.PATH)
    joined = "\n".join(f"{name}={value or ''}" for name, value in sorted(found.items()))
    return {
        **found,
        "hardware_hash": hashlib.sha256(joined.encode()).hexdigest() if known and any(found.values()) else None,
        "machine_hash": machine_id.read_machine_hash(machine),
    }


def _of_mac(machine: Machine) -> dict[str, str]:
    from muster_agent.sources.macos.about import read_hints

    return read_hints(machine)


def _system_drive_serial(machine: Machine) -> str | None:
    if machine.system == "windows":
        from muster_agent.sources.windows.drives import read_drives

        return next((drive["serial"] for drive in read_drives(machine) if drive["system"]), None)
    drive = block.system_drive(machine)
    return block.read_serial(machine, drive) if drive else None
