"""What Windows 11 asks, check by check: what is not known never passes."""

from __future__ import annotations

from typing import Any

import pytest

from muster_server.health.windows11 import CHECKS, checks, whole
from muster_server.ingest.sections import Drive, Hardware, System

DRIVE = Drive(name="drive-0", system=True, size_bytes=256 * 10**9)
FIT: dict[str, Any] = {
    "cpu_id": "GenuineIntel 6 142 12",
    "cpu_cores": 4,
    "memory_bytes": 8 * 2**30,
    "drives": [DRIVE],
    "firmware": "uefi",
    "secure_boot": True,
    "tpm_version": "2.0",
}
OLD = "GenuineIntel 6 78 3"


def results(**differs: Any) -> dict[str, str]:
    return {check.name: check.result for check in checks(Hardware(**{**FIT, **differs}), System(os_family="windows"))}


def test_a_device_that_has_everything_passes_but_for_its_display_which_nobody_knows() -> None:
    found = results()

    assert tuple(found) == CHECKS
    assert found == {**dict.fromkeys(CHECKS, "pass"), "display": "unknown"}
    assert whole(checks(Hardware(**FIT), None)) == "pass"


def test_what_was_never_told_is_unknown_in_every_check() -> None:
    assert {check.result for check in checks(Hardware(), None)} == {"unknown"}
    assert whole(checks(Hardware(), None)) == "unknown"


def test_there_are_no_checks_without_hardware_or_on_a_mac() -> None:
    assert checks(None, System(os_family="windows")) == []
    assert checks(Hardware(**FIT), System(os_family="macos")) == []


@pytest.mark.parametrize(
    ("cpu_id", "model", "result"),
    [
        ("GenuineIntel 6 95 1", None, "fail"),  # Denverton
        ("GenuineIntel 6 85 4", None, "pass"),  # Skylake-X, which is let in
        ("GenuineIntel 6 94 3", None, "fail"),  # Skylake
        ("GenuineIntel 6 142 9", "Intel(R) Core(TM) i5-7300U CPU @ 2.60GHz", "fail"),
        ("GenuineIntel 6 142 10", "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz", "pass"),
        ("GenuineIntel 6 158 9", "Intel(R) Core(TM) i7-7820HQ CPU @ 2.90GHz", "unknown"),
        ("GenuineIntel 6 158 10", None, "pass"),
        ("GenuineIntel 6 122 1", None, "pass"),  # Gemini Lake
        ("GenuineIntel 15 4 1", None, "fail"),
        ("GenuineIntel 19 1 0", None, "unknown"),
        ("AuthenticAMD 22 48 1", None, "fail"),
        ("AuthenticAMD 23 1 1", None, "fail"),
        ("AuthenticAMD 23 17 0", None, "fail"),
        ("AuthenticAMD 23 8 2", None, "pass"),  # Zen+
        ("AuthenticAMD 25 80 0", None, "pass"),
        ("Qualcomm 8 1 2", None, "unknown"),
        ("GenuineIntel", None, "unknown"),
        (None, "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz", "unknown"),
    ],
)
def test_processors_are_told_by_the_blocks_of_the_installer(cpu_id: str | None, model: str | None, result: str) -> None:
    assert results(cpu_id=cpu_id, cpu_model=model)["processor"] == result


@pytest.mark.parametrize(
    ("check", "differs", "result"),
    [
        ("processor", {"cpu_cores": 1}, "fail"),
        ("processor", {"cpu_cores": None}, "unknown"),
        ("memory", {"memory_bytes": int(3.4 * 2**30)}, "pass"),  # 4 GiB, some of them kept by graphics
        ("memory", {"memory_bytes": 3 * 2**30}, "fail"),
        ("drive", {"drives": [Drive(name="d", system=True, size_bytes=62_500_000_000)]}, "fail"),
        ("drive", {"drives": [Drive(name="d", size_bytes=10**12)]}, "unknown"),
        ("firmware", {"firmware": "bios", "secure_boot": None}, "fixable in firmware"),
        ("firmware", {"firmware": "bios", "secure_boot": None, "cpu_id": OLD}, "unknown"),
        ("Secure Boot", {"secure_boot": False}, "fixable in firmware"),
        ("Secure Boot", {"secure_boot": False, "cpu_id": OLD}, "fixable in firmware"),
        ("Secure Boot", {"firmware": "bios", "secure_boot": None}, "fixable in firmware"),
        ("Secure Boot", {"firmware": "bios", "secure_boot": None, "cpu_id": OLD}, "unknown"),
        ("Secure Boot", {"secure_boot": None}, "unknown"),
        ("TPM", {"tpm_version": "1.2"}, "fail"),
        ("TPM", {"tpm_version": "none"}, "fixable in firmware"),
        ("TPM", {"tpm_version": "none", "cpu_id": OLD}, "fail"),
        ("TPM", {"tpm_version": "none", "cpu_id": None}, "unknown"),
        ("TPM", {"tpm_version": None}, "unknown"),
    ],
)
def test_each_check_passes_fails_is_unknown_or_can_be_put_right_in_firmware(
    check: str, differs: dict[str, Any], result: str
) -> None:
    assert results(**differs)[check] == result


@pytest.mark.parametrize(
    ("differs", "result"),
    [
        ({"tpm_version": "none"}, "fixable in firmware"),
        ({"tpm_version": "none", "memory_bytes": None}, "unknown"),
        ({"tpm_version": "1.2", "memory_bytes": None}, "fail"),
    ],
)
def test_the_whole_is_the_least_of_its_checks(differs: dict[str, Any], result: str) -> None:
    assert whole(checks(Hardware(**{**FIT, **differs}), None)) == result
