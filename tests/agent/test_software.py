"""Software: what dpkg installed, with versions and days."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.machine import Fixture

from muster_agent.collectors import COLLECTORS, run_collector, software
from muster_agent.sources import dpkg

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


def test_without_dpkg_software_is_absent(tablet: Fixture) -> None:
    assert software.collect(tablet.machine) is None


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

    collector = next(collector for collector in COLLECTORS if collector.name == "software")
    assert run_collector(laptop.machine, collector)[1]["problem"] == "IsADirectoryError: Is a directory"


@given(st.lists(st.text()))
def test_no_lines_crash_the_parser(lines: list[str]) -> None:
    for package in dpkg.parse_status(lines):
        assert package["Status"].endswith(" installed")
