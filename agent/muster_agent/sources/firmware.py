"""Processor and firmware as Linux shows them: what decides whether a newer operating system may be installed."""

from __future__ import annotations

from typing import Any

from muster_agent.machine import Machine

_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_CHIP = "/sys/class/tpm/tpm0"
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
    chip = machine.exists(_CHIP)
    return {
        "firmware": "uefi" if uefi else "bios" if machine.exists("/sys/class/dmi/id") else None,
        "secure_boot": {b"\0": False, b"\1": True}.get(state),
        # Where the kernel knows no TPM at all, there may be one all the same.
        "tpm_version": "none" if machine.exists("/sys/class/tpm") and not chip else _tpm_version(machine),
    }


def _tpm_version(machine: Machine) -> str | None:
    """By the kernel's word; kernels before 5.6 have none, but tell what a TPM 1.2 can do, or describe a 2.0."""
    major = machine.read_or_none(f"{_CHIP}/tpm_version_major")
    if major is not None:
        return _TPM.get(major)
    if machine.exists(f"{_CHIP}/device/caps"):
        return "1.2"
    return "2.0" if machine.read_or_none(f"{_CHIP}/device/description") == "TPM 2.0 Device" else None
