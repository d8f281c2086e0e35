"""Restart: whether one is pending, and why."""

from __future__ import annotations

import pytest
from tests.fixtures.machine import Fixture

from muster_agent.collectors import restart


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
