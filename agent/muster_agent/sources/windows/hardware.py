"""What the registry and a few calls say of a Windows device's processor and firmware."""

from __future__ import annotations

import re
import struct
from typing import Any

from muster_agent.machine import Machine
from muster_agent.sources.windows import MACHINE
from muster_agent.sources.windows.about import plain_number, text

_CPU = rf"{MACHINE}\HARDWARE\DESCRIPTION\System\CentralProcessor\0"
_CONTROL = rf"{MACHINE}\SYSTEM\CurrentControlSet\Control"
_FAMILY = re.compile(r"Family (\d{1,4}) Model (\d{1,4}) Stepping (\d{1,4})", re.IGNORECASE)
_FIRMWARE = {1: "bios", 2: "uefi"}  # FIRMWARE_TYPE
_TPM = {1: "1.2", 2: "2.0"}
_SLATE = 8


def read_processor(machine: Machine) -> dict[str, str | None]:
    """`cpu_model` and `cpu_id`."""
    values = machine.windows.values(_CPU)
    model, vendor = text(values.get("ProcessorNameString"), 256), text(values.get("VendorIdentifier"), 32)
    numbers = _FAMILY.search(text(values.get("Identifier"), 128) or "")
    return {"cpu_model": model, "cpu_id": f"{vendor} {' '.join(numbers.groups())}" if vendor and numbers else None}


def read_firmware(machine: Machine) -> dict[str, Any]:
    """`firmware`, `secure_boot` and `tpm_version`, null where Windows does not tell."""
    firmware = _FIRMWARE.get(plain_number(machine.windows.values(_CONTROL).get("PEFirmwareType")) or 0)
    state = plain_number(machine.windows.values(rf"{_CONTROL}\SecureBoot\State").get("UEFISecureBootEnabled"))
    return {
        "firmware": firmware,
        "secure_boot": False if firmware == "bios" else {0: False, 1: True}.get(-1 if state is None else state),
        "tpm_version": _tpm_version(machine),
    }


def _tpm_version(machine: Machine) -> str | None:
    try:
        return parse_tpm(machine.windows.tpm())
    except OSError:
        return None


def parse_tpm(raw: bytes | None) -> str | None:
    """The version in a TPM_DEVICE_INFO; "none" where there is no TPM, None when it is damaged."""
    if raw is None:
        return "none"
    return _TPM.get(struct.unpack_from("<4xI", raw)[0]) if len(raw) >= 8 else None


def is_slate(machine: Machine) -> bool:
    """Whether the maker says that it is held in the hand."""
    return machine.windows.platform_role() == _SLATE
