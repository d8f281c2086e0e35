"""A device as an administrator would have it: the agent as a service in a Debian, and the server that it reports to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import psutil
from tests.agent.waiting import waiting_in
from tests.system.debian import Debian
from tests.system.outside import Outside

import muster_agent

STATE = "/var/lib/muster-agent"
CONFIG = "/etc/muster-agent/config.toml"
SERVICE = "muster-agent.service"
_UNITS = "/etc/systemd/system"
_COMMAND = """#!/bin/sh
PYTHONPATH=/opt/muster PYTHONDONTWRITEBYTECODE=1 exec python3 -m muster_agent "$@"
"""
# A stop that takes longer than two seconds is a failed unit: systemd itself keeps the watch.
_AGENT = """[Unit]
Description=Muster agent

[Service]
ExecStart=/usr/local/bin/muster-agent run {options}
StateDirectory=muster-agent
TimeoutStopSec=2
"""
# Like the scripts that people write: part of the start, and done when it ends.
_SLOW = """[Unit]
Description={name}
Before=multi-user.target

[Service]
Type=oneshot
RemainAfterExit={stays}
ExecStart=/bin/sleep {seconds}
"""


class Device(NamedTuple):
    """A Debian that was not booted yet, with the agent in it, and its server, which runs."""

    debian: Debian
    outside: Outside

    def start_agent(self) -> None:
        """Start the service, now that the start of the device is over."""
        self.debian.run("systemctl", "start", SERVICE)

    def spooled(self) -> list[str]:
        """The ids of the reports that wait on its disk."""
        return [report["report_id"] for report in waiting_in(self.debian.path(f"{STATE}/spool"))]


@contextmanager
def bare_device(root: Path, directory: Path, hostname: str, *, shows: Mapping[Path, str]) -> Iterator[Device]:
    """A Debian without an agent, and a server that runs; `shows` as for `Debian`. All of it ends with the test."""
    debian = Debian(root, directory / hostname, hostname, shows=shows)
    try:
        outside = Outside(directory / f"{hostname}-outside", debian.gateway)
        try:
            outside.start()
            yield Device(debian, outside)
        finally:
            outside.end()
    finally:
        debian.end()


@contextmanager
def new_device(root: Path, directory: Path, hostname: str, *, options: str = "--now") -> Iterator[Device]:
    """A device of its own, whose agent runs with `options`; all of it ends with the test."""
    agent = {folder: f"/opt/muster/{folder.name}" for folder in map(_folder, (muster_agent, psutil))}
    with bare_device(root, directory, hostname, shows=agent) as device:
        _install_agent(device.debian, device.outside, options)
        yield device


def _install_agent(debian: Debian, outside: Outside, options: str) -> None:
    """Set this checkout's agent up in a Debian that was not booted; it does not start by itself."""
    debian.write("/usr/local/bin/muster-agent", _COMMAND, 0o755)
    debian.write(CONFIG, f'server_url = "{outside.address}"\nenrolment_key = "{outside.key()}"\n', 0o600)
    debian.write(f"{_UNITS}/{SERVICE}", _AGENT.format(options=options))


def start_at_boot(debian: Debian, unit: str) -> None:
    """What `systemctl enable` does to a Debian that was not booted."""
    wants = debian.path(f"{_UNITS}/multi-user.target.wants/{unit}")
    wants.parent.mkdir(parents=True, exist_ok=True)
    wants.symlink_to(f"../{unit}")


def slow_down(debian: Debian, unit: str, seconds: int, *, stays: bool = True) -> None:
    """Let a unit hold up every start by so many seconds; `stays`: it counts as active afterwards."""
    text = _SLOW.format(name=unit, seconds=seconds, stays="yes" if stays else "no")
    debian.write(f"{_UNITS}/{unit}", text)
    start_at_boot(debian, unit)


def _folder(package: ModuleType) -> Path:
    return Path(str(package.__file__)).parent
