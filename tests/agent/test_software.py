"""Software: what dpkg installed, with versions and days."""

from __future__ import annotations

import json
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.machine import Fixture

from muster_agent.collectors import COLLECTORS, run_collector, software
from muster_agent.config import Settings
from muster_agent.report import Reporter
from muster_agent.sampler import Sampler
from muster_agent.sources import app_stores, dpkg, rpm

SOFTWARE = next(collector for collector in COLLECTORS if collector.name == "software")
STATUS = "/var/lib/dpkg/status"
BASH_LIST = "var/lib/dpkg/info/bash.list"


def installed_on(fixture: Fixture) -> object:
    return next(title["installed_on"] for title in dpkg.read_titles(fixture.machine) if title["name"] == "bash")


def test_installed_packages_are_told_with_version_and_day_and_removed_ones_are_not(laptop: Fixture) -> None:
    told = software.collect(laptop.machine) or {}

    assert told["more_titles"] == 0
    assert [(title["name"], title["version"], title["installed_on"]) for title in told["titles"]] == [
        ("bash", "5.2.15-2+b8", "2024-02-10"),
        ("libc6", "2.36-9+deb12u13", "2026-09-08"),
        ("firefox-esr", "140.5.0esr-1~deb12u1", "2026-11-12"),
    ]


def test_a_package_without_a_file_list_has_no_day(desktop: Fixture) -> None:
    days = {title["name"]: title["installed_on"] for title in dpkg.read_titles(desktop.machine)}

    assert days == {"libreoffice-core": "2021-09-30", "clamav-daemon": None}


def test_without_any_package_system_software_is_absent(tablet: Fixture) -> None:
    (tablet.root / "usr/lib/sysimage/rpm/rpmdb.sqlite").unlink()
    (tablet.root / "var/lib/flatpak/app/org.gimp.GIMP/current").unlink()
    (tablet.root / "var/lib/flatpak/app/org.gimp.GIMP").rmdir()

    assert software.collect(tablet.machine) is None


def test_on_a_fedora_rpm_and_flatpak_tell_each_title_once_with_its_epoch(tablet: Fixture) -> None:
    told = software.collect(tablet.machine) or {}

    assert [tuple(title.values()) for title in told["titles"]] == [
        ("bash", "5.2.37-1.fc42", "rpm", "2025-01-16"),
        ("kernel-core", "6.17.8-200.fc42", "rpm", "2025-11-19"),
        ("kernel-core", "6.17.7-200.fc42", "rpm", "2025-11-05"),
        ("glibc", "2.41-11.fc42", "rpm", "2025-10-31"),  # installed for two architectures
        ("vim-minimal", "2:9.1.1914-1.fc42", "rpm", "2025-11-10"),
        ("org.gimp.GIMP", "3.0.6", "flatpak", None),
        ("org.freedesktop.Platform", "24.08", "flatpak", None),
    ]


def test_snaps_are_told_by_the_files_mounted_from_them(desktop: Fixture) -> None:
    desktop.write("/snap/firefox/5101/meta/snap.yaml", "name: firefox\nversion: '145.0-2'\nsummary: version: no\n")
    (desktop.root / "snap/firefox/current").symlink_to("5101")
    desktop.write("/snap/README", "version: 1\n")
    desktop.write("/snap/bin/firefox", "")
    desktop.write("/var/lib/snapd/snaps/firefox_5101.snap", "x")
    os.utime(desktop.root / "var/lib/snapd/snaps/firefox_5101.snap", (1_763_546_400, 1_763_546_400))

    assert (software.collect(desktop.machine) or {})["titles"][-1] == {
        "name": "firefox",
        "version": "145.0-2",
        "source": "snap",
        "installed_on": "2025-11-19",
    }


def test_a_store_that_cannot_tell_is_remarked_and_the_systems_own_packages_are_told(tablet: Fixture) -> None:
    del tablet.programs["flatpak"]

    section, outcome = run_collector(tablet.machine, SOFTWARE)

    assert len(section["titles"]) == 5
    assert (outcome["outcome"], outcome["problem"]) == ("ok", "flatpak: FileNotFoundError")


def test_half_a_list_would_be_a_false_one(tablet: Fixture) -> None:
    del tablet.programs["rpm"]

    assert run_collector(tablet.machine, SOFTWARE)[1]["outcome"] == "failed"


def test_what_did_not_change_is_not_read_again(tablet: Fixture) -> None:
    reporter = Reporter(tablet.machine, Settings(), hardware_hash=None)
    sampler = Sampler(tablet.machine)
    told = [reporter.build(f"{'0' * 32}:{n}", reporter.collect(), sampler=sampler).decode() for n in (1, 2)]
    asked = [argv[0] for argv in tablet.ran].count("rpm")
    os.utime(tablet.root / "usr/lib/sysimage/rpm/rpmdb.sqlite", (2e9, 2e9))
    reporter.collect()

    assert ["vim-minimal" in body for body in told] == [True, False]
    assert asked == 1
    assert [argv[0] for argv in tablet.ran].count("rpm") == 2


def test_of_rpm_and_flatpak_nothing_but_names_versions_and_days_is_asked_for(tablet: Fixture) -> None:
    software.collect(tablet.machine)

    (rpm_line,) = [argv for argv in tablet.ran if argv[0] == "rpm"]
    (flatpak_line,) = [argv for argv in tablet.ran if argv[0] == "flatpak"]
    assert set(re.findall(r"%\{(\w+)\}", rpm_line[-1])) == {"NAME", "EPOCHNUM", "VERSION", "RELEASE", "INSTALLTIME"}
    assert "--system" in flatpak_line  # what people installed for themselves is theirs


@given(st.text() | st.lists(st.text(max_size=9)).map("\t".join))
def test_no_output_of_a_package_system_crashes_its_parser(printed: str) -> None:
    titles = [*rpm.parse_titles(printed), *app_stores.parse_flatpak_titles(printed)]
    assert all(0 < len(str(title["name"])) <= 256 and "\x00" not in json.dumps(title) for title in titles)
    assert len(app_stores.parse_snap_version(printed) or "") <= 128


def test_beyond_four_thousand_titles_the_rest_is_counted(laptop: Fixture) -> None:
    paragraph = "Package: p{0}\nStatus: install ok installed\nVersion: 1\n\n"
    laptop.write(STATUS, "".join(paragraph.format(number) for number in range(4_123)))

    told = software.collect(laptop.machine) or {}

    assert (len(told["titles"]), told["more_titles"]) == (4_000, 123)


@pytest.mark.parametrize("changed", [0.0, -1e9, 600_000_000.0, 9e9, 5e11])
def test_a_change_time_that_cannot_be_is_no_day(laptop: Fixture, changed: float) -> None:
    os.utime(laptop.root / BASH_LIST, (changed, changed))

    assert installed_on(laptop) is None


@pytest.mark.parametrize("name", ["../../etc/passwd", "Bash", "a" * 300, "x\x00y", "", "two words", "-x"])
def test_a_name_that_no_package_may_have_is_left_out(name: str) -> None:
    lines = [f"Package: {name}", "Status: install ok installed", ""]

    assert list(dpkg.parse_status(lines)) == []


def test_the_last_paragraph_needs_no_empty_line_and_a_continued_line_is_no_field() -> None:
    lines = ["Package: bash", "Description: a", " Package: other", "Status: install ok installed"]

    assert [found["Package"] for found in dpkg.parse_status(lines)] == ["bash"]


def test_a_list_that_cannot_be_read_is_a_failure(laptop: Fixture) -> None:
    file = laptop.root / STATUS.lstrip("/")
    file.unlink()
    file.mkdir()

    assert run_collector(laptop.machine, SOFTWARE)[1]["problem"] == "IsADirectoryError: Is a directory"


@given(st.lists(st.text()))
def test_no_lines_crash_the_parser(lines: list[str]) -> None:
    for package in dpkg.parse_status(lines):
        assert package["Status"].endswith(" installed")
