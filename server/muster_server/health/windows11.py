"""What Windows 11 asks of a device, check by check. Pure.

Enters: the sections `hardware` and `system` as told. Leaves: a result for each check. What is not known never passes;
what the firmware's set-up can switch on is neither a pass nor a fail. Limits: Microsoft's requirements of Windows 11;
processors: the blocks of its installer (October 2021), whose every other processor has SSE4.2 and POPCNT, without which
24H2 does not start.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from muster_server.ingest.sections import Hardware, System

Result = Literal["pass", "fail", "unknown", "fixable in firmware"]

CHECKS = ("processor", "memory", "drive", "firmware", "Secure Boot", "TPM", "display")
_LEAST_DRIVE_BYTES = 64 * 10**9
# A system counts less than is fitted, since firmware and graphics keep some; the next smaller size is 3 GiB.
_MORE_THAN_BYTES = 3 * 2**30
_LEAST_CORES = 2
_KABY_LAKE = {(142, 9), (158, 9)}  # model, stepping
_EXCEPTED = "7820HQ"  # a Kaby Lake that passes in some models and not in others


class Check(NamedTuple):
    """One check: its name, its result, and what it is made of, in words."""

    name: str
    result: Result
    says: str


def checks(hardware: Hardware | None, system: System | None) -> list[Check]:
    """Every check in the order of CHECKS; none where no hardware was told or Windows does not run on it."""
    if hardware is None or (system is not None and system.os_family == "macos"):
        return []
    processor = _processor(hardware)
    modern = processor.result
    return [
        processor,
        _memory(hardware),
        _drive(hardware),
        _firmware(hardware, modern),
        _secure_boot(hardware, modern),
        _tpm(hardware, modern),
        Check("display", "unknown", "no agent reads it"),
    ]


def whole(results: list[Check]) -> Result:
    """The least of all checks but the display's, which nobody can know: `fail` before `unknown` before `fixable`."""
    order: tuple[Result, ...] = ("fail", "unknown", "fixable in firmware", "pass")
    return min((check.result for check in results if check.name != "display"), key=order.index, default="unknown")


def _processor(hardware: Hardware) -> Check:
    cores = hardware.cpu_cores
    if cores is not None and cores < _LEAST_CORES:
        return Check("processor", "fail", "one core")
    result = _generation(hardware)
    if result == "pass" and cores is None:
        result = "unknown"
    name = hardware.cpu_model or hardware.cpu_id
    said = {"fail": "its installer blocks it", "unknown": "not told which it is for certain"}.get(result)
    return Check("processor", result, ": ".join(filter(None, (name, said))) or "not told")


def _generation(hardware: Hardware) -> Result:
    vendor, _, rest = (hardware.cpu_id or "").partition(" ")
    numbers = rest.split()
    if len(numbers) != 3 or not all(number.isdigit() for number in numbers):
        return "unknown"
    family, model, stepping = map(int, numbers)
    if vendor == "GenuineIntel":
        return _intel(family, model, stepping=stepping, name=hardware.cpu_model or "")
    if vendor == "AuthenticAMD":
        return "fail" if family <= 22 or (family == 23 and model in (1, 17)) else "pass"
    return "unknown"


def _intel(family: int, model: int, *, stepping: int, name: str) -> Result:
    if family != 6:
        return "fail" if family < 6 or family == 15 else "unknown"
    if (model, stepping) in _KABY_LAKE:
        return "unknown" if _EXCEPTED in name else "fail"
    return "fail" if model <= 95 and model != 85 else "pass"


def _memory(hardware: Hardware) -> Check:
    if hardware.memory_bytes is None:
        return Check("memory", "unknown", "not told")
    enough = hardware.memory_bytes > _MORE_THAN_BYTES
    return Check("memory", "pass" if enough else "fail", f"{hardware.memory_bytes / 2**30:.1f} GiB; 4 are asked for")


def _drive(hardware: Hardware) -> Check:
    drive = next((drive for drive in hardware.drives if drive.system), None)
    if drive is None or drive.size_bytes is None:
        return Check("drive", "unknown", "not told")
    enough = drive.size_bytes >= _LEAST_DRIVE_BYTES
    return Check("drive", "pass" if enough else "fail", f"{drive.size_bytes / 10**9:.0f} GB; 64 are asked for")


def _firmware(hardware: Hardware, modern: Result) -> Check:
    if hardware.firmware == "bios":
        # Every board for a processor that passes has UEFI; whether an older one has it is not told.
        return Check("firmware", "fixable in firmware" if modern == "pass" else "unknown", "started as a BIOS")
    told = hardware.firmware == "uefi"
    return Check("firmware", "pass" if told else "unknown", "UEFI" if told else "not told")


def _secure_boot(hardware: Hardware, modern: Result) -> Check:
    if hardware.secure_boot:
        return Check("Secure Boot", "pass", "on")
    off = hardware.secure_boot is False or hardware.firmware == "bios"
    capable = hardware.firmware == "uefi" or modern == "pass"
    said = "off" if off else "not told"
    return Check("Secure Boot", "fixable in firmware" if off and capable else "unknown", said)


def _tpm(hardware: Hardware, modern: Result) -> Check:
    version = hardware.tpm_version
    if version == "none":
        # Processors that pass bring a TPM 2.0 of their own: it is switched off.
        found: dict[Result, Result] = {"pass": "fixable in firmware", "fail": "fail"}
        return Check("TPM", found.get(modern, "unknown"), "none found")
    if version is None:
        return Check("TPM", "unknown", "not told")
    return Check("TPM", "pass" if version == "2.0" else "fail", version)
