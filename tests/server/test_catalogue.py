"""Operating systems find their cycle by build and edition, or none: a wrong match is worse than none."""

from __future__ import annotations

from datetime import date

import pytest

from muster_server.catalogue.eol import data_on, standing
from muster_server.catalogue.systems import match
from muster_server.ingest.sections import System

ON = date(2026, 11, 20)


def windows(build: str, edition: str) -> System:
    return System(os_family="windows", os_build=build, os_edition=edition)


def linux(os_id: str, version: str) -> System:
    return System(os_family="linux", os_id=os_id, os_version=version)


@pytest.mark.parametrize(
    ("system", "cycle", "support", "ends_on"),
    [
        (windows("26200.7171", "Enterprise"), "windows 11-25h2-e", "supported", "2028-10-10"),
        (windows("26100.1", "Professional"), "windows 11-24h2-w", "ended", "2026-10-13"),
        (windows("26100", "Enterprise"), "windows 11-24h2-e", "supported", "2027-10-12"),
        (windows("26100", "EnterpriseS"), "windows 11-24h2-e-lts", "supported", "2029-10-09"),
        (windows("22631", "Education"), "windows 11-23h2-e", "ended", "2026-11-10"),
        (windows("19045", "Enterprise"), "windows 10-22h2", "extended_only", "2025-10-14"),
        (windows("19044", "EnterpriseS"), "windows 10-21h2-e-lts", "supported", "2027-01-12"),
        (windows("19044", "IoTEnterpriseS"), "windows 10-21h2-iot-lts", "supported", "2032-01-13"),
        (windows("14393", "EnterpriseS"), "windows 10-1607-e-lts", "ended", "2026-10-13"),
        (windows("17763", "Professional"), "windows 10-1809-w", "ended", "2020-11-10"),
        (windows("7601", "Professional"), "windows 7-sp1", "ended", "2020-01-14"),
        (linux("debian", "13"), "debian 13", "supported", "2028-08-09"),
        (linux("debian", "12.4"), "debian 12", "extended_only", "2026-07-11"),
        (linux("debian", "10"), "debian 10", "ended", "2022-09-10"),
        (linux("ubuntu", "24.04"), "ubuntu 24.04", "supported", "2029-05-31"),
        (linux("rhel", "9.4"), "rhel 9", "supported", "2032-05-31"),
        (System(os_family="macos", os_version="13.6.1"), "macos 13", "ended", "2025-09-15"),
    ],
)
def test_a_system_finds_its_cycle(system: System, cycle: str, support: str, ends_on: str) -> None:
    found = match(system)

    assert found is not None
    assert found.cycle is not None
    assert f"{found.product} {found.version}" == cycle
    stands = standing(found.cycle, ON)
    assert (stands.support, stands.ends_on) == (support, ends_on)


@pytest.mark.parametrize(
    "system",
    [
        windows("26100", "ServerStandard"),
        windows("26100", "IoTEnterprise"),
        windows("", "Enterprise"),
        windows("12345", "Enterprise"),
        linux("arch", ""),
        linux("ubuntu", "24.05"),
        linux("debian", "trixie/sid"),
        System(),
    ],
)
def test_what_is_not_known_for_certain_is_no_match(system: System) -> None:
    assert match(system) is None


def test_a_release_newer_than_the_data_is_said_to_be_newer() -> None:
    for system in (windows("99999", "Enterprise"), linux("debian", "15")):
        found = match(system)
        assert found is not None
        assert found.cycle is None


def test_the_data_tells_its_own_day() -> None:
    assert data_on() == "2026-08-22"
