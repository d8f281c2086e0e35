"""Under Wine, against a real server: the MSI is installed, upgraded, repaired and removed, and the service lives on.

Wine has no event log and no rights as Windows has them; starts and sign-ins stay with fixtures.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests import needs
from tests.agent.answering import MusterServer, Reply
from tests.agent.waiting import waiting_in
from tests.e2e.programs import free_port, wait_for
from tests.system.outside import Outside
from tests.windows.conftest import BEFORE, Built
from tests.windows.wine import STATE, Wine, windows_path

from muster_agent import __version__
from muster_msi.wxs import SETTINGS, product_code
from muster_server.models import devices

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
FOLDER, KEPT = r"C:\Program Files\Muster", r"C:\ProgramData\Muster"
UNINSTALL = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"


class Pc(NamedTuple):
    """A Windows with the packages at hand, and nothing installed yet."""

    wine: Wine
    built: Built

    def install(self, package: Path, *options: str, **properties: str) -> None:
        given = [f"{name}={value}" for name, value in properties.items()]
        self.wine.run("msiexec", "/i", windows_path(package), "/qn", *options, *given)

    def uninstall(self) -> None:
        for version in (__version__, BEFORE):
            self.wine.run("msiexec", "/x", code_of(version), "/qn", code=None)

    def kept(self) -> dict[str, Any]:
        """What an upgrade must not lose: device and sealed token, the stream, how far logs were read."""
        state = self.wine.path(KEPT) / "Agent"
        identity = json.loads((state / "identity.json").read_text())
        stream = json.loads((state / "spool" / "stream.json").read_text())["stream"]
        return {**identity, "stream": stream, "told": json.loads((state / "told.json").read_text()).keys()}

    def waiting(self) -> list[str]:
        """The ids of the reports that wait on its disk."""
        return [report["report_id"] for report in waiting_in(self.wine.path(KEPT) / "Agent" / "spool")]

    def log(self) -> str:
        return (self.wine.path(KEPT) / "Agent" / "agent.log").read_text()


@pytest.fixture
def pc(wine: Wine, built: Built) -> Iterator[Pc]:
    made = Pc(wine, built)
    yield made
    made.uninstall()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Outside]:
    if os.geteuid() != 0:
        needs.missing("the server of these tests runs in namespaces, which needs root")
    made = Outside(tmp_path / "server", "127.0.0.1")
    made.start()
    yield made
    made.end()


def code_of(version: str) -> str:
    return f"{{{product_code(version)}}}".upper()


def installed(pc: Pc, server: Outside) -> dict[str, Any]:
    """Install the version before, and wait until it has reported; gives the device's row."""
    pc.install(pc.built.before, SERVER_URL=server.address, ENROLMENT_KEY=server.key())
    pc.wine.wait_for_status("LastAcceptedReport", r"20\d\d-.+Z")
    (row,) = server.rows(devices)
    return row


def test_installed_it_enrols_reports_and_says_so(pc: Pc, server: Outside) -> None:
    row = installed(pc, server)

    status = pc.wine.status()
    assert (status["DeviceId"], status["EnrolState"], status["LastError"]) == (row["uid"], "enrolled", "")
    assert status["Version"] == __version__
    assert pc.wine.service() == "RUNNING"
    state = pc.wine.path(KEPT) / "Agent"
    assert state.stat().st_mode & 0o077 == 0
    assert set(pc.kept()) == {"device_id", "sealed_token", "stream", "told"}
    assert f"Enrolled as device {row['uid']}." in pc.log()
    # Nothing is compiled or written beside the programs.
    assert not [path for path in pc.wine.path(FOLDER).rglob("*") if path.name == "__pycache__"]


def test_what_it_shows_names_itself_among_the_software(pc: Pc) -> None:
    pc.install(pc.built.before)

    shown = pc.wine.run(rf"{FOLDER}\Agent\python.exe", "-I", "-m", "muster_agent", "show")
    titles = json.loads(shown)["reports"][0]["sections"]["software"]["titles"]
    assert [title["version"] for title in titles if title["name"] == "Muster agent"] == [BEFORE]


def test_an_upgrade_keeps_device_token_settings_and_what_waits(pc: Pc, server: Outside) -> None:
    row = installed(pc, server)
    settings, kept = pc.wine.values(rf"{STATE}\Settings"), pc.kept()
    server.stop()
    pc.wine.stop_service()
    pc.wine.run("net", "start", "MusterAgent")
    pc.wine.wait_for_status("LastError", "The server cannot be reached.*")
    waited = pc.waiting()

    pc.install(pc.built.package)
    wait_for("report of the new version", lambda: len(pc.waiting()) > len(waited))
    assert waited
    assert set(waited) < set(pc.waiting())
    assert (pc.kept(), pc.wine.values(rf"{STATE}\Settings")) == (kept, settings)
    assert set(settings) == set(SETTINGS.values())
    assert pc.wine.values(rf"{UNINSTALL}\{code_of(__version__)}")["DisplayVersion"] == __version__
    assert pc.wine.values(rf"{UNINSTALL}\{code_of(BEFORE)}") == {}

    server.start()
    wait_for("empty spool", lambda: not pc.waiting(), 120)
    (after,) = server.rows(devices)
    assert (after["uid"], after["generation"]) == (row["uid"], 1)


def test_repair_and_the_same_version_again_keep_all_of_it(pc: Pc, server: Outside) -> None:
    pc.install(pc.built.package, SERVER_URL=server.address, ENROLMENT_KEY=server.key())
    pc.wine.wait_for_status("LastAcceptedReport", r"20\d\d-.+Z")
    kept = pc.kept()
    broken = pc.wine.path(FOLDER) / "Agent" / "muster_agent.zip"
    pc.wine.stop_service()
    broken.write_bytes(b"not an archive")

    for options in (("REINSTALL=ALL", "REINSTALLMODE=amus"), ()):
        pc.install(pc.built.package, *options)
        wait_for("service", lambda: pc.wine.service() == "RUNNING")
        assert broken.read_bytes() == (pc.built.folder / "muster_agent.zip").read_bytes()
        assert pc.kept() == kept

    (row,) = server.rows(devices)
    assert row["generation"] == 1


def test_an_uninstall_leaves_nothing(pc: Pc, server: Outside) -> None:
    installed(pc, server)

    pc.wine.run("msiexec", "/x", windows_path(pc.built.before), "/qn")

    assert pc.wine.service() == ""
    assert not [path for path in pc.wine.path(FOLDER).rglob("*") if path.is_file()]  # Wine leaves the empty folders
    assert not pc.wine.path(KEPT).exists()
    assert pc.wine.values(STATE) == {}
    assert pc.wine.values(r"HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\MusterAgent") == {}


def test_without_a_network_it_installs_and_waits(pc: Pc) -> None:
    pc.install(pc.built.package, SERVER_URL=f"http://127.0.0.1:{free_port()}", ENROLMENT_KEY="mk_sesame")

    pc.wine.wait_for_status("LastError", "The server cannot be reached.*")
    assert pc.wine.status()["EnrolState"] == "waiting"
    assert pc.waiting()


def test_without_settings_it_runs_and_says_what_is_missing(pc: Pc, server: Outside) -> None:
    pc.install(pc.built.package)

    pc.wine.wait_for_status("LastError", "server_url is not set.*")
    assert pc.wine.service() == "RUNNING"
    for name, value in (("server_url", server.address), ("enrolment_key", server.key())):
        pc.wine.run("reg", "add", r"HKLM\SOFTWARE\Policies\Muster", "/v", name, "/d", value, "/f")
    try:
        pc.wine.stop_service()
        pc.wine.run("net", "start", "MusterAgent")
        pc.wine.wait_for_status("LastAcceptedReport", r"20\d\d-.+Z")
    finally:
        pc.wine.run("reg", "delete", r"HKLM\SOFTWARE\Policies\Muster", "/f")


def test_told_to_stop_while_it_connects_it_ends_in_order(pc: Pc) -> None:
    with socket.socket() as full, contextlib.ExitStack() as others:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):  # nobody takes them, so that no more are let in
            other = others.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        address = f"http://127.0.0.1:{full.getsockname()[1]}"
        pc.install(pc.built.package, SERVER_URL=address, ENROLMENT_KEY="mk_sesame")
        wait_for("report", pc.waiting, 150)
        waited = pc.waiting()

        pc.wine.stop_service()

    assert pc.log().splitlines()[-1].endswith(" Stopped.")
    assert set(waited) < set(pc.waiting())


def test_told_to_stop_in_the_middle_of_a_request_it_ends_in_order(pc: Pc) -> None:
    with MusterServer() as hanging:
        hanging.rule = lambda request: Reply(hang=True) if request.path == "/api/v1/reports" else None
        pc.install(pc.built.package, SERVER_URL=hanging.url, ENROLMENT_KEY="mk_sesame")
        wait_for("report", lambda: any(request.path == "/api/v1/reports" for request in hanging.requests), 150)

        pc.wine.stop_service()

    # Not ended by force: the last line is the service's own, and the minutes until now are on disk.
    assert pc.log().splitlines()[-1].endswith(" Stopped.")
    assert len(pc.waiting()) == 2
