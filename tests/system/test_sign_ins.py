"""A sign-in that logind itself noted is told with the time to its desktop, and without anybody's name."""

from __future__ import annotations

import time

import pytest
from tests.system.device import SERVICE, Device

from muster_server.models import reports, sign_ins

pytestmark = [pytest.mark.system, pytest.mark.timeout(150, func_only=True)]
PERSON, DESKTOP = "j.example", "gnome-shell"
_CREATE = (
    "busctl", "call", "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager",
    "CreateSession", "uusssssussbssa(sv)",
)  # fmt: skip


def sign_in(device: Device) -> None:
    """Open a session as a display manager's PAM does, with a process in it."""
    debian = device.debian
    debian.run("useradd", "--create-home", "--badname", PERSON)
    debian.run("systemd-run", "--quiet", "--unit=leader", f"--uid={PERSON}", "sleep", "600")
    uid, leader = debian.run("id", "-u", PERSON).stdout.strip(), debian.show("leader.service", "MainPID")
    words = (uid, leader, "gdm-password", "wayland", "user", "gnome", "", "0", "", "", "false", "", "", "0")
    debian.run(*_CREATE, *words)


def test_a_session_with_a_desktop_is_a_sign_in_and_nobody_is_named(device: Device) -> None:
    debian = device.debian
    debian.boot()
    debian.wait_until_started()
    device.start_agent()
    device.outside.wait_for_rows(reports, lambda _: True)
    # Seen late, a desktop is told at once: whether it was usable is not known then, however busy this machine is.
    debian.run("systemctl", "kill", "--signal=STOP", SERVICE)
    sign_in(device)
    time.sleep(2)
    debian.run("cp", "/bin/sleep", f"/tmp/{DESKTOP}")
    debian.run("systemd-run", "--quiet", "--unit=desktop", f"--uid={PERSON}", f"/tmp/{DESKTOP}", "600")
    time.sleep(11)
    debian.run("systemctl", "kill", "--signal=CONT", SERVICE)

    (row,) = device.outside.wait_for_rows(sign_ins, lambda _: True)

    shown_at = float(debian.run("stat", "-c", "%.3Y", f"/proc/{debian.show('desktop.service', 'MainPID')}").stdout)
    assert 2_000 <= row["to_desktop_ms"] <= 1_000 * shown_at - row["at"] + 100
    assert (row["to_desktop_quality"], row["kind"], row["to_usable_ms"]) == ("own", "unknown", None)
    told = "".join(str(report["body"]) for report in device.outside.rows(reports))
    assert "sign_ins" in told
    assert PERSON not in told
