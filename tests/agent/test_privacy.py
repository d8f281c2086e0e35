"""Privacy: fed with names of people, their homes, SIDs and command lines, the agent sends none of it.

Every place on which a person may have left a name is poisoned with one, and the whole body is searched for it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.agent_report import body_of
from tests.fixtures.machine import Fixture

PERSON = "j.example"
SECRETS = (
    PERSON,
    "J. Example",
    "example@police.example",
    "S-1-5-21-1004336348-1177238915-682003330-1001",
    "/home/",
    "--password=",
    "Custody notes",
    "StationWiFi",
)
UNITS = (
    f"user@{PERSON}.service",
    f"backup@home-{PERSON}-S-1-5-21-1004336348-1177238915-682003330-1001.service",
    f"home-{PERSON}.mount",
    f"media-{PERSON}-Custody notes.mount",
    f"dev-disk-by\\x2dlabel-{PERSON}.device",
    f"systemd-cryptsetup@{PERSON}.laptop.example.service",
    f"openvpn-client@example@police.example.{PERSON}.service",
)


def poisoned(fixture: Fixture) -> Fixture:
    """A machine with people all over it."""
    text = f"{PERSON} J. Example example@police.example --password=x Custody notes StationWiFi {SECRETS[3]}"
    for path in ("/etc/passwd", "/etc/hosts", "/proc/1/cmdline", f"/home/{PERSON}/notes.txt", "/run/utmp"):
        fixture.write(path, text)
    fixture.write("/run/reboot-required", text)
    fixture.write("/run/reboot-required.pkgs", f"{PERSON}\n/home/{PERSON}\n")
    release = (fixture.root / "etc/os-release").read_text()
    fixture.write("/etc/os-release", f"{release}HOME_URL=/home/{PERSON}\nSUPPORT=example@police.example\n")
    status = (fixture.root / "var/lib/dpkg/status").read_text()
    maintainer = f"Package: tool\nStatus: install ok installed\nMaintainer: {text}\nConffiles:\n /home/{PERSON} x\n"
    fixture.write("/var/lib/dpkg/status", f"{status}\n{maintainer}")
    for name in ("serial_number", "model_name", "manufacturer"):
        fixture.write(f"/sys/class/power_supply/BAT0/{name}", text)
    mounts = [f"/home/{PERSON}", f"/media/{PERSON}/STICK", f"/srv/{PERSON}", f"/mnt/{PERSON}", f"/Users/{PERSON}"]
    for number, mountpoint in enumerate(mounts):
        fixture.ps.values["partitions"].append([f"/dev/mapper/{PERSON}-{number}", mountpoint, "ext4"])
        fixture.ps.values["usage"][mountpoint] = [100, 50]
    blocks = [f"Id={u}\nInactiveExitTimestampMonotonic=9300000\nActiveEnterTimestampMonotonic=29300000" for u in UNITS]
    fixture.programs["units"] = "\n\n".join(blocks)
    return fixture


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, part in value.items() for text in (key, *texts(part))]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [value] if isinstance(value, str) else []


def test_nothing_of_a_person_is_in_a_report(laptop: Fixture) -> None:
    body = json.loads(body_of(poisoned(laptop)))

    told = "\n".join(texts(body))
    assert [secret for secret in SECRETS if secret.lower() in told.lower()] == []
    assert {"starts", "disks", "software", "restart", "battery"} <= body["reports"][0]["sections"].keys()


def test_of_units_that_carry_a_person_their_kind_alone_is_left(laptop: Fixture) -> None:
    (start,) = json.loads(body_of(poisoned(laptop)))["reports"][0]["sections"]["starts"]

    assert sorted(culprit["name"] for culprit in start["culprits"]) == [
        "a device",
        "a mount",
        "backup@.service",
        "openvpn-client@.service",
        "systemd-cryptsetup@.service",
        "user@.service",
    ]


def test_volumes_of_people_are_numbers(laptop: Fixture) -> None:
    disks = json.loads(body_of(poisoned(laptop)))["reports"][0]["sections"]["disks"]

    assert [volume["name"] for volume in disks["volumes"]] == ["/", "volume-1", "/boot", "volume-3", "volume-4"]


@pytest.mark.parametrize("where", ["/etc/os-release", "/var/lib/dpkg/status", "/sys/class/power_supply/BAT0/type"])
def test_a_failure_does_not_tell_where_it_failed(laptop: Fixture, where: str) -> None:
    file = laptop.root / where.lstrip("/")
    file.unlink()
    file.symlink_to(Path(f"/home/{PERSON}/nowhere"))

    report = json.loads(body_of(laptop))["reports"][0]

    assert PERSON not in json.dumps(report)
    assert "/home" not in json.dumps(report)


def test_the_machine_id_and_the_drives_serial_stay_out_of_reports(laptop: Fixture) -> None:
    body = body_of(laptop).decode()

    assert (laptop.root / "etc/machine-id").read_text().strip() not in body
    assert "SSB4N82911240B24X" not in body
