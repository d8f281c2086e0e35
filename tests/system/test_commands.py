"""The agent's commands as a person types them on a device."""

from __future__ import annotations

import json

import msgspec
import pytest
from tests.system.device import CONFIG, STATE, Device
from tests.system.test_start import analyzed_ms

from muster_server.ingest.sections import SECTIONS
from muster_server.models import devices, reports

pytestmark = [pytest.mark.system, pytest.mark.timeout(150, func_only=True)]
ANYBODY = "nobody"  # Debian's own account without rights


@pytest.fixture
def booted(device: Device) -> Device:
    """A device whose start is over, and whose service was not started."""
    device.debian.boot()
    device.debian.wait_until_started()
    return device


def said(device: Device, *arguments: str, code: int = 0, user: str = "root") -> str:
    """What `muster-agent` prints, once it ended with `code` and without a traceback."""
    done = device.debian.run("muster-agent", *arguments, check=False, user=user)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stdout + done.stderr
    return done.stdout + done.stderr


def test_show_prints_what_once_then_sends(booted: Device) -> None:
    shown = json.loads(said(booted, "show"))["reports"][0]["sections"]
    assert booted.outside.rows(devices) == []
    assert not booted.debian.path(STATE).exists()
    assert round(shown["starts"][0]["to_settled_seconds"] * 1_000) == analyzed_ms(booted.debian)

    assert "Enrolled as device" in said(booted, "once")

    (row,) = booted.outside.rows(reports)
    sent = json.loads(row["body"])["sections"]
    assert sent.keys() == shown.keys()
    for name in ("system", "hardware", "software", "restart"):
        assert msgspec.convert(sent[name], SECTIONS[name]) == msgspec.convert(shown[name], SECTIONS[name])


def test_doctor_tells_a_healthy_device_from_one_that_is_not_enrolled_or_finds_no_server(booted: Device) -> None:
    assert "not enrolled yet; an enrolment key is set" in said(booted, "doctor")

    said(booted, "enrol")
    findings = {found["check"]: found for found in json.loads(said(booted, "doctor", "--json"))}
    assert {name: found["state"] for name, found in findings.items() if found["state"] != "note"} == dict.fromkeys(
        ("state", "identity", "server", "clock"), "ok"
    )
    assert booted.outside.rows(devices)[0]["uid"] in findings["identity"]["detail"]

    booted.outside.stop()
    assert "Connection refused" in said(booted, "doctor", code=1)


def test_a_user_without_rights_is_told_what_is_missing_and_can_see_what_would_be_sent(booted: Device) -> None:
    denied = said(booted, "show", code=2, user=ANYBODY)
    assert f"{CONFIG} cannot be read: Permission denied. Run it as root" in denied
    assert f"{STATE} cannot be written" in said(booted, "--config", "/dev/null", "doctor", code=1, user=ANYBODY)

    shown = json.loads(said(booted, "--config", "/dev/null", "show", user=ANYBODY))["reports"][0]

    assert shown["sections"]["system"]["hostname"] == booted.debian.hostname
    assert "failed" not in {told["outcome"] for told in shown["outcomes"].values()}


def test_reset_forgets_who_the_device_is_and_the_server_knows_it_again(booted: Device) -> None:
    said(booted, "once")
    said(booted, "reset", code=2)  # nobody is there to ask

    said(booted, "reset", "--yes")
    said(booted, "once")

    assert [row["generation"] for row in booted.outside.rows(devices)] == [2]


def test_without_a_server_the_report_of_once_waits_on_disk(booted: Device) -> None:
    said(booted, "enrol")
    booted.outside.stop()

    assert "Connection refused" in said(booted, "once", code=1)

    assert len(booted.spooled()) == 1
    booted.outside.start()
    said(booted, "once")
    assert booted.spooled() == []
    assert len(booted.outside.rows(reports)) == 2


def test_beside_the_running_service_one_may_look_and_not_touch(booted: Device) -> None:
    booted.start_agent()
    booted.outside.wait_for_rows(reports, lambda _: True)

    for command in ("once", "enrol"):
        assert "Another muster-agent works in" in said(booted, command, code=1)
    assert json.loads(said(booted, "show"))["reports"][0]["sections"]["system"]["hostname"] == booted.debian.hostname
    assert "enrolled as" in said(booted, "doctor")
