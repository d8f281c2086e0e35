"""Processor and firmware as Linux shows them: what decides whether a newer operating system may be installed."""

from __future__ import annotations

from typing import Any

from muster_agent.machine import Machine

_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_TPM = {"1": "1.2", "2": "2.0"}
_NUMBERS = ("cpu family", "model", "stepping")


def read_processor(machine: Machine) -> dict[str, str | None]:
    """`cpu_model` and `cpu_id`."""
    return parse_processor(machine.read_or_none("/proc/cpuinfo") or "")


def parse_processor(text: str) -> dict[str, str | None]:
    """The first processor's name, and its vendor, family, model and stepping."""
    parts = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    first = {name.strip(): value.strip() for name, _, value in parts}
    numbers = [first.get(name, "") for name in _NUMBERS]
    vendor, known = first.get("vendor_id"), all(number.isascii() and number.isdigit() for number in numbers)
    cpu_id = f"{vendor} {' '.join(numbers)}"[:64] if vendor and known else None
    return {"cpu_model": first.get("model name", "")[:256] or None, "cpu_id": cpu_id}


def read_firmware(machine: Machine) -> dict[str, Any]:
    """`firmware`, `secure_boot` and `tpm_version`, null where the kernel does not tell."""
    uefi = machine.exists("/sys/firmware/efi")
    try:
        state = machine.read_bytes(_SECURE_BOOT, 8)[4:5]  # behind four bytes of attributes
    except OSError:
        state = b""
    version, chip = machine.read_or_none("/sys/class/tpm/tpm0/tpm_version_major"), machine.exists("/sys/class/tpm/tpm0")
    return {
        "firmware": "uefi" if uefi else "bios" if machine.exists("/sys/class/dmi/id") else None,
        "secure_boot": {b"\0": False, b"\1": True}.get(state),
        # Where the kernel knows no TPM at all, there may be one all the same.
        "tpm_version": "none" if machine.exists("/sys/class/tpm") and not chip else _TPM.get(version or ""),
    }
