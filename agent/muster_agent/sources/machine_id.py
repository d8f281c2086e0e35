"""/etc/machine-id (machine-id(5)), and what Windows has instead. Confidential: only a keyed hash leaves the device."""

from __future__ import annotations

import hmac
import re

from muster_agent.machine import Machine

# Makes the hashes of one application differ from any other's. Not a secret.
_APPLICATION = b"muster-estate/agent/1"
_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")  # an image that never started holds "uninitialized"


def read_machine_hash(machine: Machine) -> str | None:
    """The keyed hash of the machine id; None where there is none yet."""
    if machine.system == "windows":
        from muster_agent.sources.windows.about import read_machine_guid

        found = read_machine_guid(machine) or ""
        return keyed_hash(found) if found else None
    if machine.system == "macos":
        from muster_agent.sources.macos.about import read_hints

        found = read_hints(machine).get("product_uuid", "")
        return keyed_hash(found) if found else None
    found = (machine.read_or_none("/etc/machine-id") or "").lower()
    return keyed_hash(found) if _ID.fullmatch(found) else None


def has_own_boot_id(machine: Machine) -> bool:
    """Whether the boot id is a container's own, which its manager laid over the host's, and so names one start."""
    mounts = machine.read_or_none("/proc/self/mountinfo") or ""
    return " /proc/sys/kernel/random/boot_id " in mounts


def keyed_hash(text: str) -> str:
    """HMAC-SHA256 (hex, 256 bits) under the application's constant."""
    return hmac.digest(_APPLICATION, text.encode(), "sha256").hex()
