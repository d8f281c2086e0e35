"""System: name, operating system and kernel of the device."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.machine import Fixture

from muster_agent.collectors import COLLECTORS, run_collector, system
from muster_agent.sources.os_release import parse_assignments


def test_a_debian_is_told(laptop: Fixture) -> None:
    assert system.collect(laptop.machine) == {
        "hostname": "pc-4417",
        "os_family": "linux",
        "os_id": "debian",
        "os_name": "Debian GNU/Linux 12 (bookworm)",
        "os_version": "12",
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
