"""Restart: whether one is pending, and why."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.machine import Fixture

from muster_agent.collectors import restart
from muster_agent.sources.kernels import parse_release


def test_nothing_is_pending_on_a_device_that_runs_its_installed_kernel(laptop: Fixture) -> None:
    assert restart.collect(laptop.machine) == {"pending": False, "reasons": []}


def test_debians_marker_names_a_kernel_update(desktop: Fixture) -> None:
    assert restart.collect(desktop.machine) == {"pending": True, "reasons": ["kernel_update"]}


def test_debians_marker_without_a_kernel_is_a_package_update(desktop: Fixture) -> None:
    desktop.write("/run/reboot-required.pkgs", "libc6\ndbus\n")

    assert restart.collect(desktop.machine)["reasons"] == ["package_update"]


def test_a_kernel_that_was_removed_while_it_runs_needs_a_restart(laptop: Fixture) -> None:
    laptop.write("/proc/sys/kernel/osrelease", "6.1.0-31-amd64\n")

    assert restart.collect(laptop.machine) == {"pending": True, "reasons": ["running_kernel_removed"]}


@pytest.mark.parametrize("mark", ["/run/systemd/container", "/run/.containerenv", "/.dockerenv"])
def test_a_containers_own_modules_say_nothing_of_its_hosts_kernel(laptop: Fixture, mark: str) -> None:
    laptop.write("/proc/sys/kernel/osrelease", "6.99-host\n")
    laptop.write(mark, "")

    assert restart.collect(laptop.machine)["pending"] is False


def installed(fixture: Fixture, release: str, *, hours: float) -> None:
    """Let a kernel be installed so many hours after the device started."""
    fixture.write(f"/lib/modules/{release}/modules.dep", "")
    at = fixture.wall_seconds - fixture.elapsed_seconds + 3_600 * hours
    os.utime(fixture.root / f"lib/modules/{release}/modules.dep", (at, at))


@pytest.mark.parametrize(
    ("running", "other"),
    [
        ("6.1.0-39-amd64", "6.1.0-40-amd64"),
        ("6.12.41+deb13-amd64", "6.12.48+deb13-amd64"),
        ("6.17.8-200.fc42.x86_64", "6.17.10-100.fc43.x86_64"),
        ("5.14.0-427.13.1.el9_4.x86_64", "5.14.0-503.11.1.el9_5.x86_64"),
        ("6.8.0-31-generic", "6.8.0-100-generic"),
    ],
)
def test_a_newer_kernel_that_came_while_the_device_runs_waits_for_a_restart(
    laptop: Fixture, running: str, other: str
) -> None:
    laptop.write("/proc/sys/kernel/osrelease", f"{running}\n")
    installed(laptop, running, hours=-2_000)
    installed(laptop, other, hours=3)

    assert restart.collect(laptop.machine) == {"pending": True, "reasons": ["kernel_update"]}


@pytest.mark.parametrize(
    ("other", "hours"),
    [("6.1.0-40-amd64", -5), ("6.1.0-38-amd64", 3), ("6.1.0-40-rt-amd64", 3), ("6.1.0-40-cloud-amd64", 3)],
)
def test_an_older_kernel_another_flavour_or_one_that_was_passed_over_before_does_not(
    laptop: Fixture, other: str, hours: float
) -> None:
    installed(laptop, other, hours=hours)

    assert restart.collect(laptop.machine) == {"pending": False, "reasons": []}


@given(st.text(max_size=60))
def test_no_name_of_a_kernel_crashes_the_parser(name: str) -> None:
    numbers, words = parse_release(name)
    assert all(0 <= number < 10**12 for number in numbers)
    assert all(words)
