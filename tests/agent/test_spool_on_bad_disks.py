"""Spool on a disk that is full or read-only: nothing crashes, and the next report says so."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.agent.disk import fill

from muster_agent.spool import Spool


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


def report(spool: Spool) -> int:
    sequence, report_id = spool.next_id()
    spool.add(sequence, report_id.encode() * 100)
    return sequence


def test_on_a_full_disk_reports_wait_in_memory_and_the_next_one_says_so(small_disk: Path) -> None:
    spool = Spool(str(small_disk / "spool"), 10**6)
    on_disk = report(spool)
    fill(small_disk)

    in_memory = [report(spool) for _ in range(3)]

    assert [sequence for sequence, _ in spool.batch(96, 10**6)] == [*reversed(in_memory), on_disk]
    assert spool.take_losses() == ({"spool_full": True}, [])


def test_on_a_full_disk_only_the_newest_eight_are_held_and_the_others_counted(small_disk: Path) -> None:
    spool = Spool(str(small_disk / "spool"), 10**6)
    report(spool)
    fill(small_disk)

    made = [report(spool) for _ in range(12)]

    assert [sequence for sequence, _ in spool.batch(8, 10**6)] == made[:3:-1]
    assert spool.take_losses() == ({"spool_full": True, "thinned_reports": 4}, made[:4])


def test_a_number_used_on_a_full_disk_is_not_given_again_by_the_next_run(small_disk: Path) -> None:
    spool = Spool(str(small_disk / "spool"), 10**6)
    report(spool)
    filler = fill(small_disk)
    used = [report(spool) for _ in range(20)]

    filler.unlink()

    assert Spool(str(small_disk / "spool"), 10**6).next_id()[0] > max(used)


def test_a_run_that_begins_on_a_full_disk_has_numbers_of_its_own(small_disk: Path) -> None:
    first = Spool(str(small_disk / "spool"), 10**6)
    used = report(first)
    fill(small_disk)
    first.close()

    for _ in range(3):
        spool = Spool(str(small_disk / "spool"), 10**6)
        made = [report(spool) for _ in range(70)]
        assert (spool.stream, min(made) > used) == (first.stream, True)
        used = max(made)


def test_when_no_number_can_be_kept_no_report_is_made_until_the_disk_is_mended(small_disk: Path) -> None:
    spool = Spool(str(small_disk / "spool"), 10**6)
    report(spool)
    remount(small_disk, "ro")
    with pytest.raises(OSError, match="Read-only"):
        for _ in range(100):
            report(spool)
    assert spool.take_losses()[0]["spool_full"] is True

    remount(small_disk, "rw")

    assert report(spool) == 65
    spool.close()
    assert Spool(str(small_disk / "spool"), 10**6).next_id()[0] == 66


def test_a_disk_that_turned_read_only_is_no_crash(small_disk: Path) -> None:
    spool = Spool(str(small_disk / "spool"), 10**6)
    kept = report(spool)
    remount(small_disk, "ro")

    made = report(spool)
    spool.reject(made)
    spool.done([kept])
    spool.close()

    assert spool.batch(96, 10**6) == []
    assert spool.take_losses() == ({"spool_full": True, "rejected_reports": 1}, [])


def test_a_state_directory_on_a_read_only_disk_is_an_error_that_names_it(small_disk: Path) -> None:
    remount(small_disk, "ro")

    with pytest.raises(OSError, match="Read-only file system"):
        Spool(str(small_disk / "spool"), 10**6)
