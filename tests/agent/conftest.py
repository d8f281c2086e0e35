"""Fixtures of the agent's tests: machines to alter, and a server that answers as it is told."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import needs
from tests.agent.answering import MusterServer
from tests.fixtures.machine import Fixture


@pytest.fixture
def laptop(tmp_path: Path) -> Fixture:
    """Debian on LVM on an encrypted NVMe drive, with a worn battery; it slept since its start."""
    return Fixture("laptop", tmp_path / "machines")


@pytest.fixture
def desktop(tmp_path: Path) -> Fixture:
    """An old Debian on a hard disk, no UEFI, slow to start, a restart pending, a USB disk plugged in."""
    return Fixture("desktop", tmp_path / "machines")


@pytest.fixture
def tablet(tmp_path: Path) -> Fixture:
    """A tablet whose vendor wrote "portable", with Fedora, eMMC, an SD card, junk serials; soft-rebooted."""
    return Fixture("tablet", tmp_path / "machines")


@pytest.fixture
def container(tmp_path: Path) -> Fixture:
    """A container: no systemd, no SMBIOS, no drives, and its host's kernel."""
    return Fixture("container", tmp_path / "machines")


@pytest.fixture
def server() -> Iterator[MusterServer]:
    """A server that takes everything, unless it was told otherwise."""
    with MusterServer() as running:
        yield running


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB, mounted for this test."""
    if os.getuid() != 0:
        needs.missing("mounting a file system needs root")
    mounted = tmp_path / "disk"
    mounted.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mounted)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        needs.missing(f"a tmpfs cannot be mounted here: {made.stderr.strip()}")
    yield mounted
    subprocess.run(["umount", str(mounted)], check=True)
