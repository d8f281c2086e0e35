"""Disks: space on fixed volumes, without a path that may name a person."""

from __future__ import annotations

import pytest
from tests.fixtures.machine import Fixture

from muster_agent.collectors import disks


def volumes(fixture: Fixture) -> list[tuple[str, int, int, bool]]:
    found = (disks.collect(fixture.machine) or {"volumes": []})["volumes"]
    return [(v["name"], v["total_bytes"], v["free_bytes"], v["system"]) for v in found]


def test_the_system_volume_comes_first_and_only_fixed_ones_are_told(desktop: Fixture) -> None:
    assert volumes(desktop) == [
        ("/", 240_000_000_000, 9_000_000_000, True),
        ("/home", 700_000_000_000, 520_000_000_000, False),
    ]


def test_two_mounts_of_one_device_are_one_volume(tablet: Fixture) -> None:
    assert volumes(tablet) == [("/", 60_000_000_000, 12_000_000_000, True)]


def test_in_a_container_the_root_overlay_is_the_volume(container: Fixture) -> None:
    assert volumes(container) == [("/", 50_000_000_000, 20_000_000_000, True)]


def test_a_mount_point_outside_the_closed_list_is_only_numbered(desktop: Fixture) -> None:
    desktop.ps.values["partitions"].append(["/dev/sdc1", "/home/j.example/photos", "ext4"])
    desktop.ps.values["usage"]["/home/j.example/photos"] = [10, 5]

    assert volumes(desktop)[-1] == ("volume-2", 10, 5, False)


def test_a_volume_that_is_gone_meanwhile_is_left_out(desktop: Fixture) -> None:
    del desktop.ps.values["usage"]["/home"]

    assert [name for name, *_ in volumes(desktop)] == ["/"]


@pytest.mark.parametrize("usage", [(0, 0), (-5, 1), (10, -1), (10, 11), (2**61, 1), (float("nan"), 1)])
def test_a_space_that_cannot_be_is_no_figure(container: Fixture, usage: tuple[float, float]) -> None:
    container.ps.values["usage"]["/"] = usage

    assert disks.collect(container.machine) is None


@pytest.mark.parametrize("usage", [(10, 0), (10, 10), (2**60, 1)])
def test_a_full_an_empty_and_a_huge_volume_are_told(container: Fixture, usage: tuple[int, int]) -> None:
    container.ps.values["usage"]["/"] = usage

    assert volumes(container) == [("/", *usage, True)]


def test_without_a_fixed_volume_disks_are_absent(container: Fixture) -> None:
    container.ps.values["partitions"] = [["tmpfs", "/", "tmpfs"]]

    assert disks.collect(container.machine) is None


def test_at_most_thirty_two_volumes_are_told(desktop: Fixture) -> None:
    for number in range(50):
        desktop.ps.values["partitions"].append([f"/dev/sdd{number}", f"/data/{number}", "xfs"])
        desktop.ps.values["usage"][f"/data/{number}"] = [10, 5]

    assert len(volumes(desktop)) == 32
