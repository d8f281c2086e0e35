"""System: name, operating system and kernel of the device."""

from __future__ import annotations

import gzip
import os
from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.machine import Fixture

from muster_agent.collectors import COLLECTORS, run_collector, system
from muster_agent.sources.dpkg import parse_log
from muster_agent.sources.os_release import parse_assignments


def test_a_debian_is_told(laptop: Fixture) -> None:
    assert system.collect(laptop.machine) == {
        "hostname": "pc-4417",
        "os_family": "linux",
        "os_id": "debian",
        "os_name": "Debian GNU/Linux 12 (bookworm)",
        "os_version": "12",
        "updated_on": "2026-11-12",  # what was installed since is no update
        "os_edition": None,
        "kernel": "6.1.0-39-amd64",
        "architecture": "x86_64",
    }


def test_the_release_may_stand_under_usr_and_have_an_edition(tablet: Fixture) -> None:
    told = system.collect(tablet.machine)

    assert (told["os_id"], told["os_version"], told["os_edition"]) == ("fedora", "42", "workstation")


def test_a_device_without_a_release_file_is_a_failure_that_names_no_path(laptop: Fixture) -> None:
    (laptop.root / "etc/os-release").unlink()

    section, outcome = run_collector(laptop.machine, COLLECTORS[0])

    assert section is None
    assert (outcome["outcome"], outcome["problem"]) == ("failed", "FileNotFoundError: No such file or directory")


def test_a_strange_hostname_is_told_as_far_as_json_can_carry_it(laptop: Fixture) -> None:
    laptop.write("/proc/sys/kernel/hostname", b"p\xffc \xf0\x9f\x9a\x93\x00\"'<b>\n")

    assert system.collect(laptop.machine)["hostname"] == "p�c 🚓\"'<b>"


def test_overlong_values_are_cut_to_what_the_wire_takes(laptop: Fixture) -> None:
    laptop.write("/etc/os-release", "".join(f"{name}={'x' * 1_000}\n" for name in ("ID", "PRETTY_NAME", "VERSION_ID")))
    laptop.write("/proc/sys/kernel/hostname", "h" * 1_000)

    told = system.collect(laptop.machine)

    assert [len(told[name]) for name in ("os_id", "os_name", "os_version", "hostname")] == [64, 256, 64, 256]


def test_assignments_lose_their_quotes_and_other_lines_are_left_out() -> None:
    text = 'A=1\nB="two words"\nC=\'3\'\n# D=4\nnot a name=5\nE\nF="half\n'

    assert parse_assignments(text) == {"A": "1", "B": "two words", "C": "3", "F": '"half'}


@given(st.text())
def test_no_text_crashes_the_parser(text: str) -> None:
    assert all(name.isidentifier() for name in parse_assignments(text))


def test_the_last_upgrade_is_found_in_logs_that_were_packed_long_ago(laptop: Fixture) -> None:
    laptop.write("/var/log/dpkg.log", "2026-11-20 15:02:11 install cowsay:all <none> 3.03\n")
    laptop.write("/var/log/dpkg.log.1", "")
    laptop.write("/var/log/dpkg.log.4.gz", gzip.compress(b"2026-07-03 06:14:03 upgrade bash:amd64 5.1 5.2\n"))
    laptop.write("/var/log/dpkg.log.5.gz", b"no archive")

    assert system.collect(laptop.machine)["updated_on"] == "2026-07-03"


def test_logs_are_read_again_only_when_they_changed(laptop: Fixture) -> None:
    system.collect(laptop.machine)
    log = laptop.root / "var/log/dpkg.log"
    before = log.stat()
    laptop.write("/var/log/dpkg.log", "2026-11-24 06:00:00 upgrade bash:amd64 5.1 5.2\n")
    os.utime(log, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert system.collect(laptop.machine)["updated_on"] == "2026-11-12"
    os.utime(log)
    assert system.collect(laptop.machine)["updated_on"] == "2026-11-24"


def test_a_debian_without_a_word_of_any_upgrade_does_not_know_the_day(desktop: Fixture) -> None:
    assert system.collect(desktop.machine)["updated_on"] is None


def test_with_rpm_the_last_update_is_the_last_change_of_its_database(tablet: Fixture) -> None:
    assert system.collect(tablet.machine)["updated_on"] == "2026-11-19"


@given(st.lists(st.text() | st.dates().map(lambda day: f"{day} 06:14:03 upgrade x 1 2"), max_size=4))
def test_no_log_gives_a_day_that_is_none(lines: list[str]) -> None:
    found = parse_log(lines)
    assert found is None or date.fromisoformat(found).year >= 1990
