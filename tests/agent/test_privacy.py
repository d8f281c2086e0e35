"""Privacy: fed with names of people, their homes, SIDs and command lines, the agent sends none of it.

Every place on which a person may have left a name is poisoned with one, and the whole body is searched for it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.agent_report import body_of
from tests.fixtures.journal import Past, keep_journal
from tests.fixtures.machine import Fixture

from muster_agent.sources import root_facts

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
    poison_new_sources(fixture, text)
    blocks = [f"Id={u}\nInactiveExitTimestampMonotonic=9300000\nActiveEnterTimestampMonotonic=29300000" for u in UNITS]
    fixture.programs["units"] = "\n\n".join(blocks)
    return fixture


def poison_new_sources(fixture: Fixture, text: str) -> None:
    """Journals, panics, sessions, logs of packages, stores of applications, root's facts: people are in all of them."""
    boots = [
        Past(number, fixture.wall_seconds - 1e6 * number, {"kernel": 1, "userspace": 9}, sentence=text)
        for number in (3, 2, 1)
    ]
    keep_journal(fixture, boots)
    for name in ("boots", "finished", "stopped"):
        fixture.programs[name] = fixture.programs[name].replace(
            '{"', f'{{"_HOSTNAME": "{text}", "_CMDLINE": "{text}", "', 1
        )
    fixture.write("/var/lib/systemd/pstore/1764000000/dmesg.txt", f"Panic#1 Part1\n<0> {text}\n")
    session = f"USER={PERSON}\nUID=1000\nCLASS=user\nTYPE=x11\nSERVICE={text}\nREMOTE_HOST={PERSON}\nDESKTOP={text}\n"
    at = round(fixture.wall_seconds * 1e6)
    fixture.write(f"/run/systemd/sessions/{PERSON}", f"{session}REALTIME={at}\nMONOTONIC=0\n")
    fixture.machine.notebook["seen"] = {
        "sign_ins": [[fixture.wall_seconds - 50, "unknown", at]],
        "desktops": [[fixture.wall_seconds - 40, fixture.wall_seconds - 30, False]],
    }
    fixture.write("/var/log/dpkg.log", f"2026-11-12 06:14:03 upgrade {text} 1 2\n")
    fixture.write("/snap/tool/7/meta/snap.yaml", f"name: tool\nsummary: {text}\ncontact: {text}\nversion: 1\n")
    (fixture.root / "snap/tool/current").symlink_to("7")
    fixture.write("/var/lib/flatpak/app/org.example.Tool/current", text)
    fixture.write(f"/home/{PERSON}/.local/share/flatpak/app/{PERSON}.App/current", text)
    fixture.programs["flatpak"] = "org.example.Tool\t1.0\tstable\n"
    fixture.write("/proc/self/mountinfo", f"1 1 0:1 / /home/{PERSON} rw - ext4 {text} rw\n")
    hostile = {
        "form": 1,
        "dmi": {"product_serial": None},
        "drives": {"nvme0n1": {"failing": False, PERSON: text}},
        PERSON: text,
    }
    fixture.write(root_facts.PATH, json.dumps(hostile))


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
    sections = body["reports"][0]["sections"]
    assert {"starts", "sign_ins", "disks", "software", "restart", "battery"} <= sections.keys()
    assert len(sections["starts"]) == 4
    assert {"snap", "flatpak", "dpkg"} == {title["source"] for title in sections["software"]["titles"]}


def test_of_units_that_carry_a_person_their_kind_alone_is_left(laptop: Fixture) -> None:
    *_, start = json.loads(body_of(poisoned(laptop)))["reports"][0]["sections"]["starts"]

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
