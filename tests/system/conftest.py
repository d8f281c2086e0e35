"""Fixtures of the system tests: the cached root, and a device to boot. A failed test shows its devices' journals."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.system import rootfs
from tests.system.debian import Debian
from tests.system.device import Device, new_device


@pytest.fixture(scope="session")
def debian_root(pytestconfig: pytest.Config) -> Path:
    """The root folder of a Debian 12, made now if this machine has none yet."""
    rootfs.require(os.geteuid())
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(line, flush=True)

    return rootfs.cached_root(say)


@pytest.fixture
def device(debian_root: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Device]:
    """A device named pc-7 that has never been booted, its agent not started, its server running.

    A test's own parameter names the options of `muster-agent run`.
    """
    with new_device(debian_root, tmp_path, "pc-7", options=getattr(request, "param", "--now")) as made:
        yield made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the journals of the devices of a failed test to its report, while they still run."""
    report = yield
    if report.failed and report.when == "call":
        for debian in _debians(item):
            report.sections.append((f"journal of {debian.hostname}", debian.journal("-n", "80")))
    return report


def _debians(item: pytest.Item) -> set[Debian]:
    given: list[Any] = list(getattr(item, "funcargs", {}).values())
    several = [part for value in given if isinstance(value, tuple) for part in (value, *value)]
    return {value.debian for value in several if isinstance(value, Device)}
