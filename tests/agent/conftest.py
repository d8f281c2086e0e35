"""Fixtures of the agent's tests: machines to alter, and a server that answers as it is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
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
