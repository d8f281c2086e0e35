"""What the registry says of a Windows device: software, system, place, restart, drivers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.windows_machine import KERNEL, WindowsFixture, at, iso, record

from muster_agent.collectors import disks, hardware, place, restart, software, system
from muster_agent.sources.windows import EVERYONE
from muster_agent.sources.windows.about import guid_bytes, parse_units, parse_us_day
from muster_agent.sources.windows.software import parse_install_day, parse_package, parse_uninstall

UNINSTALL = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
OF_32_BITS = r"SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall"
VERSION = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
SERVICING = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing"
AUTO_UPDATE = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update"
NAMES = r"SYSTEM\CurrentControlSet\Control\ComputerName"
SESSION_MANAGER = r"SYSTEM\CurrentControlSet\Control\Session Manager"
PERSON = "S-1-5-21-1004336348-1177238915-682003330-1104"
UPDATES = "Microsoft-Windows-WindowsUpdateClient"


@pytest.fixture
def pc() -> WindowsFixture:
    return WindowsFixture()


def titles(pc: WindowsFixture) -> dict[str, dict[str, Any]]:
    found = software.collect(pc.machine)
    assert found is not None
    return {title["name"]: title for title in found["titles"]}


def test_programs_of_64_and_32_bits_and_of_loaded_profiles_are_listed_once(pc: WindowsFixture) -> None:
    pc.key(rf"{UNINSTALL}\7-Zip", DisplayName="7-Zip 24.08 (x64)", DisplayVersion="24.08", Publisher="Igor Pavlov",
           InstallDate="20240903")  # fmt: skip
    pc.key(rf"{OF_32_BITS}\VLC", DisplayName="VLC media player", DisplayVersion="3.0.21")
    for profile in (PERSON, f"{PERSON}_Classes", "S-1-5-18", ".DEFAULT"):
        key = rf"{EVERYONE}\{profile}\Software\Microsoft\Windows\CurrentVersion\Uninstall\Teams"
        pc.windows.registry[key] = {"DisplayName": f"Teams of {profile[:9]}", "DisplayVersion": "1.7"}
        again = rf"{EVERYONE}\{profile}\Software\Microsoft\Windows\CurrentVersion\Uninstall\VLC"
        pc.windows.registry[again] = {"DisplayName": "VLC media player", "DisplayVersion": "3.0.21"}

    found = titles(pc)

    assert found.keys() == {"7-Zip 24.08 (x64)", "VLC media player", "Teams of S-1-5-21-"}
    assert found["7-Zip 24.08 (x64)"] == {
        "name": "7-Zip 24.08 (x64)", "version": "24.08", "publisher": "Igor Pavlov", "source": "registry",
        "installed_on": "2024-09-03",
    }  # fmt: skip


@pytest.mark.parametrize(
    "hidden",
    [
        {"SystemComponent": 1},
        {"ParentKeyName": "Office16"},
        {"ReleaseType": "Security Update"},
        {"DisplayName": "Security Update for Windows (KB5031234)"},
        {"DisplayName": ""},
        {"DisplayName": 7},
    ],
)
def test_parts_updates_and_what_windows_hides_are_no_titles(hidden: dict[str, Any]) -> None:
    assert parse_uninstall({"DisplayName": "Office", **hidden}, person="") is None


def test_a_persons_name_is_taken_out_of_what_was_installed_for_them(pc: WindowsFixture) -> None:
    pc.key(rf"{VERSION}\ProfileList\{PERSON}", ProfileImagePath=r"C:\Users\jane.doe")
    key = rf"{EVERYONE}\{PERSON}\Software\Microsoft\Windows\CurrentVersion\Uninstall\Tool"
    pc.windows.registry[key] = {
        "DisplayName": "Evidence Viewer (Jane.Doe)",
        "DisplayVersion": "2.1",
        "Publisher": "jane.doe",
    }

    found = titles(pc)

    assert found.keys() == {"Evidence Viewer"}
    assert found["Evidence Viewer"]["publisher"] is None


def test_store_apps_are_listed_by_name_and_version(pc: WindowsFixture) -> None:
    store = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Appx\AppxAllUserStore\Applications"
    pc.key(rf"{store}\Microsoft.WindowsCalculator_11.2405.2.0_x64__8wekyb3d8bbwe", Path="x")
    pc.key(rf"{store}\something else", Path="x")

    assert titles(pc)["Microsoft.WindowsCalculator"]["version"] == "11.2405.2.0"
    assert len(titles(pc)) == 1


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("20240903", "2024-09-03"),
        ("2024115", "2024-01-15"),  # seven digits, as some installers write it
        ("9/3/2024", "2024-09-03"),
        ("20241345", None),
        ("00000000", None),
        ("19000101", None),
        ("", None),
        (20240903, None),
        ("September", None),
    ],
)
def test_install_dates_are_days_in_every_form_in_which_they_are_written(written: object, day: str | None) -> None:
    assert parse_install_day(written) == day


def test_windows_11_is_told_by_its_build_although_its_name_says_10(pc: WindowsFixture) -> None:
    pc.key(VERSION, ProductName="Windows 10 Enterprise", CurrentBuildNumber="26100", UBR=7019, DisplayVersion="24H2",
           EditionID="Enterprise", InstallDate=1_727_740_800, CurrentVersion="6.3", CurrentMajorVersionNumber=10,
           CurrentMinorVersionNumber=0)  # fmt: skip
    pc.key(rf"{NAMES}\ActiveComputerName", ComputerName="FP-L-00417")
    pc.key(rf"{SESSION_MANAGER}\Environment", PROCESSOR_ARCHITECTURE="AMD64")

    assert system.collect(pc.machine) == {
        "hostname": "FP-L-00417", "os_family": "windows", "os_id": "windows", "os_name": "Windows 11 Enterprise",
        "os_version": "24H2", "os_build": "26100.7019", "os_edition": "Enterprise", "os_installed_on": "2024-10-01",
        "kernel": "10.0.26100", "architecture": "AMD64", "updated_on": None, "esu_year": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("licensed", "year"),
    [
        ([], 0),
        (["f520e45e-7413-4a34-a497-d2765967d094"], 1),
        (["f520e45e-7413-4a34-a497-d2765967d094", "1043add5-23b1-4afb-9a0f-64343c8f3f8d"], 2),
        (["83d49986-add3-41d7-ba33-87c7bfb5c0fb"], 3),
    ],
)
def test_windows_10_tells_the_last_year_of_paid_updates_that_is_licensed(
    pc: WindowsFixture, licensed: list[str], year: int
) -> None:
    pc.key(VERSION, CurrentBuildNumber="19045", UBR=6_456)
    pc.windows.licences = {guid_bytes(product): 1 for product in licensed}

    assert system.collect(pc.machine)["esu_year"] == year


def test_a_product_that_is_installed_but_not_licensed_pays_for_nothing(pc: WindowsFixture) -> None:
    pc.key(VERSION, CurrentBuildNumber="19045", UBR=6_456)
    pc.windows.licences = {guid_bytes("f520e45e-7413-4a34-a497-d2765967d094"): 0}

    assert system.collect(pc.machine)["esu_year"] == 0


def test_a_guid_lies_in_memory_with_its_first_groups_turned_round() -> None:
    assert guid_bytes("00112233-4455-6677-8899-aabbccddeeff").hex() == "33221100554477668899aabbccddeeff"


def test_the_last_update_is_not_one_of_defenders_definitions(pc: WindowsFixture) -> None:
    installed = [
        ("2026-10-14T03:10:00", "2026-10 Cumulative Update for Windows 11 (KB5066835)"),
        ("2026-11-20T04:00:00", "Security Intelligence Update for Microsoft Defender Antivirus - KB2267602"),
        ("2026-11-23T04:00:00", "Update for Microsoft Defender Antivirus antimalware platform - KB4052623"),
    ]
    pc.windows.logs["System"] = [
        record(UPDATES, 19, record=number, at=at(moment), updateTitle=title)
        for number, (moment, title) in enumerate(installed, 1)
    ]

    assert system.collect(pc.machine)["updated_on"] == "2026-10-14"


def test_what_is_dear_to_ask_is_asked_once_a_day(pc: WindowsFixture) -> None:
    for _ in range(96):
        system.collect(pc.machine)
    asked = pc.windows.queries
    pc.go(86_400)
    system.collect(pc.machine)

    assert (asked, pc.windows.queries) == (1, 2)


def test_a_start_of_the_kernel_is_named_by_its_record_through_every_fast_startup(pc: WindowsFixture) -> None:
    begun = at("2026-11-20T07:00:00")
    pc.windows.logs["System"] = [record(KERNEL, 12, record=5, at=begun, StartTime=iso(begun))]

    named = pc.machine.boot_id()

    assert named is not None
    assert len(named) == 32
    pc.go(10, asleep=50_000)
    assert pc.machine.boot_id() == named


DEEP = "CN=FP-L-1,OU=Laptops,OU=Leeds,DC=force,DC=police,DC=uk"


@pytest.mark.parametrize(
    ("account", "site", "found"),
    [
        ("", "", ("workgroup", None, None)),
        (DEEP, "LEEDS", ("domain", "LEEDS", "Leeds/Laptops")),
        ("CN=FP-L-1,CN=Computers,DC=force", "", ("hybrid", None, None)),
        ("", "", ("entra", None, None)),
        ("", "LEEDS", ("domain", "LEEDS", None)),
    ],
)
def test_a_device_belongs_where_its_directory_says(
    pc: WindowsFixture, account: str, site: str, found: tuple[str, str | None, str | None]
) -> None:
    pc.key(r"SOFTWARE\Microsoft\Windows\CurrentVersion\Group Policy\State\Machine", **{"Distinguished-Name": account})
    pc.key(r"SYSTEM\CurrentControlSet\Services\Netlogon\Parameters", DynamicSiteName=site)
    if found[0] in ("entra", "hybrid"):
        pc.key(r"SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo\4A5B", UserEmail="jane.doe@force.police.uk")

    join, site_name, unit = found
    assert place.collect(pc.machine) == {"join": join, "site": site_name, "organisational_unit": unit}


def test_a_comma_in_the_name_of_a_unit_is_its_own() -> None:
    assert parse_units(r"CN=PC,OU=Roads\, Traffic,OU=Ops,DC=x") == "Ops/Roads, Traffic"


def test_nothing_waits_on_a_device_at_rest(pc: WindowsFixture) -> None:
    pc.key(rf"{SERVICING}\Packages", x=1)
    pc.key(rf"{NAMES}\ActiveComputerName", ComputerName="A")
    pc.key(rf"{NAMES}\ComputerName", ComputerName="A")

    assert restart.collect(pc.machine) == {"pending": False, "reasons": []}


def test_every_mark_of_a_pending_restart_is_a_reason(pc: WindowsFixture) -> None:
    pc.key(rf"{SERVICING}\RebootPending", x=1)
    pc.key(rf"{SERVICING}\PackagesPending", x=1)
    pc.key(rf"{AUTO_UPDATE}\RebootRequired", x=1)
    pc.key(rf"{NAMES}\ActiveComputerName", ComputerName="A")
    pc.key(rf"{NAMES}\ComputerName", ComputerName="B")
    pc.key(SESSION_MANAGER, PendingFileRenameOperations=[r"\??\C:\Users\jane.doe\a.tmp", ""])

    reasons = ["component_servicing", "packages", "windows_update", "computer_rename", "file_rename"]
    assert restart.collect(pc.machine) == {"pending": True, "reasons": reasons}


def test_files_to_rename_alone_are_a_reason_but_no_pending_restart(pc: WindowsFixture) -> None:
    pc.key(SESSION_MANAGER, PendingFileRenameOperations=["x", ""])

    assert restart.collect(pc.machine) == {"pending": False, "reasons": ["file_rename"]}


def test_drivers_of_makers_are_listed_and_windows_own_are_not(pc: WindowsFixture) -> None:
    display = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
    pc.key(rf"{display}\0000", DriverDesc="Intel(R) UHD Graphics 620", ProviderName="Intel Corporation",
           DriverVersion="31.0.101.2111", DriverDate="7-19-2022")  # fmt: skip
    pc.key(rf"{display}\0001", DriverDesc="Basic Display", ProviderName="Microsoft", DriverVersion="10.0.26100.1")
    pc.key(rf"{display}\Properties", DriverDesc="x", ProviderName="y", DriverVersion="1")

    assert hardware.collect(pc.machine)["drivers"] == [
        {
            "kind": "display", "name": "Intel(R) UHD Graphics 620", "provider": "Intel Corporation",
            "version": "31.0.101.2111", "dated_on": "2022-07-19",
        }
    ]  # fmt: skip


def test_volumes_are_told_by_letter_and_a_folder_only_by_number(pc: WindowsFixture) -> None:
    assert disks.collect(pc.machine) == {
        "volumes": [
            {"name": "C:", "total_bytes": 500_000_000_000, "free_bytes": 200_000_000_000, "system": True},
            {"name": "volume-1", "total_bytes": 1_000_000_000, "free_bytes": 500_000_000, "system": False},
        ]
    }


@given(st.text())
def test_no_text_makes_a_day_or_a_title_out_of_nonsense(text: str) -> None:
    for day in (parse_install_day(text), parse_us_day(text)):
        assert day is None or (len(day) == 10 and day >= "0001-01-01")
    title = parse_package(text)
    assert title is None or str(title["name"]) in text
    units = parse_units(text)
    assert units is None or len(units) <= 256


VALUE = st.one_of(st.none(), st.integers(), st.text(), st.binary(), st.lists(st.text(), max_size=3))


@given(st.dictionaries(st.sampled_from(["DisplayName", "DisplayVersion", "Publisher", "InstallDate", "ReleaseType",
                                        "SystemComponent", "ParentKeyName"]), VALUE), st.text(max_size=20))  # fmt: skip
def test_no_values_of_any_type_make_the_list_stumble(values: dict[str, Any], person: str) -> None:
    title = parse_uninstall(values, person=person)

    assert title is None or 0 < len(str(title["name"])) <= 256
