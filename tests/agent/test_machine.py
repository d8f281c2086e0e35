"""The machine: what reaches the agent of files and programs, on a real system too."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from tests.fixtures.machine import Fixture

from muster_agent.machine import Machine, instant


def test_a_text_loses_its_nuls_and_what_is_no_utf8(laptop: Fixture) -> None:
    laptop.write("/a", b"\x00one\x00\xff two \n")

    assert laptop.machine.read("/a") == "one� two \n"
    assert laptop.machine.read_or_none("/a") == "one� two"
    assert laptop.machine.read_or_none("/missing") is None
    assert laptop.machine.read_or_none("/etc") is None


def test_a_file_without_end_is_read_to_sixteen_mebibytes(laptop: Fixture) -> None:
    laptop.write("/a", b"x" * 17 * 2**20)

    assert len(laptop.machine.read("/a")) == 16 * 2**20


def test_lines_come_one_by_one_whatever_they_hold(laptop: Fixture) -> None:
    laptop.write("/a", b"one\r\n\n\xfftwo\x00\nthree")

    assert list(laptop.machine.lines("/a")) == ["one", "", "�two", "three"]


def test_a_link_is_followed_within_the_machine(laptop: Fixture) -> None:
    assert laptop.machine.resolved("/dev/mapper/pc--4417--vg-root") == "/dev/dm-1"
    assert laptop.machine.resolved("/sys/block/nvme0n1").startswith("/sys/devices/pci0000:00/")
    assert laptop.machine.resolved("/nowhere/.hidden") == "/nowhere/.hidden"


def test_on_the_real_system_paths_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / ".target")

    assert Machine().resolved(str(tmp_path / "link")) == str(tmp_path.resolve() / ".target")


def test_a_program_is_run_without_a_shell_in_the_c_locale() -> None:
    code = "import os, sys; print(os.environ['LC_ALL'], sys.argv[1])"

    assert Machine().run([sys.executable, "-c", code, "$HOME; ls"]) == "C $HOME; ls\n"


def test_a_program_that_is_missing_fails_or_hangs_is_an_error_that_names_it_alone() -> None:
    machine = Machine()
    machine.patience_seconds = 0.2

    with pytest.raises(FileNotFoundError):
        machine.run(["no-such-program"])
    with pytest.raises(OSError, match=f"{sys.executable}: CalledProcessError$"):
        machine.run([sys.executable, "-c", "raise SystemExit('a secret')"])
    with pytest.raises(OSError, match=r"sleep: TimeoutExpired$"):
        machine.run(["sleep", "60"])


def test_time_asleep_counts_as_elapsed_and_not_as_awake() -> None:
    machine = Machine()

    awake, elapsed = machine.awake(), machine.elapsed()

    assert elapsed >= awake > 0
    assert abs(machine.wall() - time.time()) < 60


def test_an_instant_is_utc_with_milliseconds() -> None:
    assert instant(0) == "1970-01-01T00:00:00.000Z"
    assert instant(-1.5) == "1969-12-31T23:59:58.500Z"
    assert instant(4_102_444_800.1239) == "2100-01-01T00:00:00.123Z"


def test_an_overlong_boot_id_or_hostname_is_cut(laptop: Fixture) -> None:
    laptop.write("/proc/sys/kernel/random/boot_id", "b" * 1_000)
    laptop.write("/proc/sys/kernel/hostname", "")
    laptop.write("/etc/hostname", "h" * 1_000)

    assert laptop.machine.boot_id() == "b" * 64
    assert laptop.machine.hostname() == "h" * 256
