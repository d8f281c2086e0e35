"""A small estate as tests show it: devices of every verdict, each with everything that a page can show.

Everything is enrolled and posted through the application's own routes, then folded, judged and counted by the jobs.
"""

from __future__ import annotations

import json
import random
import secrets
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from tests.server.door import Device, enrolment_key

from muster_server.clock import DAY_MS, HOUR_MS, iso, now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.jobs import fold, judge, snapshot
from muster_server.models import device_sections, devices
from muster_server.store import people

GIB = 2**30
WINDOWS = Path(__file__).parents[1] / "contract" / "golden" / "schema-1" / "windows.json"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
FORMULA = "=cmd|' /C calc'!A0"
_OK = {"outcome": "ok", "seconds": 0.0123, "problem": None}
_OUTCOMES = dict.fromkeys(("system", "hardware", "starts", "use", "disks", "battery", "software", "restart"), _OK)
_SOFTWARE = ["Records client", "Body-worn video", "Office suite", "Web browser", "PDF reader", "Custody system"]


class Estate:
    """A store, its application, and devices in it."""

    def __init__(self, app: Flask, database: Database, settings: Settings) -> None:
        self.app, self.database, self.settings = app, database, settings
        self.random = random.Random(7)

    def device(self, unit: str = "North", *, needs_approval: bool = False) -> Device:
        """A newly enrolled device."""
        key = enrolment_key(self.database, unit=unit, site=f"{unit} station", needs_approval=needs_approval)
        client = self.app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"10.1.{self.random.randrange(250)}.{self.random.randrange(250)}"
        return Device(client, key)

    def full(self, hostname: str, unit: str = "North", **differs: Any) -> Device:
        """A device that told everything for 30 days; `differs` says where it is not a good one."""
        device = self.device(unit, needs_approval=differs.pop("needs_approval", False))
        device.post(*(self._day(device, days_ago, differs) for days_ago in range(29, 0, -1)))
        device.post(self._whole(device, hostname, differs))
        return device

    def windows(self, hostname: str) -> Device:
        """A Windows laptop with all that its agent tells: slow beyond what is timed, and crashing."""
        device, now = self.device(), now_ms()
        own = {"to_usable_seconds": 2_700.0, "to_usable_quality": "own", "lower_bounds": ["to_usable"]}
        start = {**self._start(now, {}), **own, "session_seconds": 11.0, "shell_seconds": 5.0, "settling_seconds": 30.0}
        start |= {"stop_before": "bugcheck", "stop_code": "0x0000009f"}
        sign_in = {"kind": "cached", "to_usable_seconds": 2_700.0, "lower_bounds": ["to_usable"]}
        parts = {"authentication_seconds": 2.0, "policy_seconds": 7.0}
        named = [(secrets.token_hex(16), iso(now - n * DAY_MS)) for n in range(10)]
        told = json.loads(WINDOWS.read_text("utf-8"))["reports"][0]["sections"]
        told["system"] |= {"hostname": hostname, "esu_year": 2, "updated_on": "2026-11-01"}
        told["hardware"]["drives"][0]["failing"] = True
        told["battery"]["packs"][0]["charge_limit_percent"] = 80
        told |= {
            "starts": [{**start, "start_id": name, "zero_at": at} for name, at in named],
            "sign_ins": [{**sign_in, **parts, "sign_in_id": name, "at": at} for name, at in named],
        }
        device.post({**device.report(**told), "outcomes": {**_OUTCOMES, "sign_ins": _OK, "place": _OK}})
        return device

    def judged(self) -> None:
        """Fold, judge and count everything that waits."""
        fold.run(self.database, self.settings, now=now_ms())
        judge.run(self.database, self.settings, now=now_ms())
        snapshot.run(self.database, self.settings, now=now_ms())

    def person(self, role: str) -> FlaskClient:
        """A browser in which somebody of a role is signed in by link."""
        name = f"{role}-{secrets.token_hex(3)}"
        with self.database.write() as connection:
            people.create_user(connection, name, role=role, now=now_ms())
            secret = people.make_link(connection, name, now=now_ms(), hours=1)
        client = self.app.test_client()
        answer = client.post(f"/sign-in/{secret}", data={"csrf_token": token(client, f"/sign-in/{secret}")})
        assert answer.status_code == 303, answer.text
        return client

    def every_verdict(self) -> dict[str, Device]:
        """One device of each verdict that the rules can give, and one that waits for approval; judged."""
        made = {
            "keep": self.full("NTH-LT-0101", "North"),
            "fix": self.full("NTH-DT-0102", "North", settled=412.0, free=0.04),
            "upgrade": self.full("STH-DT-0201", "South", drive="hdd", full=22.0, os_version="10"),
            "unknown": self.device("South"),
            "not judged": self.full("STH-LT-0202", "South"),
            "waiting": self.full("WST-LT-0301", "West", needs_approval=True),
        }
        made["unknown"].post(
            {
                **made["unknown"].report(system={"hostname": "STH-TB-0203", "os_name": "Android", "os_id": "android"}),
                "outcomes": {
                    "battery": {"outcome": "failed", "problem": "PermissionError: BAT0"},
                    "starts": {"outcome": "absent"},
                },
            }
        )
        fold.run(self.database, self.settings, now=now_ms())
        with self.database.write() as connection:
            broken = devices.select().where(devices.c.uid == made["not judged"].uid)
            device_id = connection.execute(broken).one().id
            ours = (device_sections.c.device_id == device_id, device_sections.c.section == "hardware")
            connection.execute(update(device_sections).where(*ours).values(body="{"))
        self.judged()
        with self.database.write() as connection:
            connection.execute(update(device_sections).where(*ours).values(body='{"model":"X1"}'))
        return made

    def _day(self, device: Device, days_ago: int, differs: dict[str, Any]) -> dict[str, Any]:
        at = now_ms() - days_ago * DAY_MS
        return device.report(iso(at), **self._readings(differs), use=self._use(at), starts=[self._start(at, differs)])

    def _whole(self, device: Device, hostname: str, differs: dict[str, Any]) -> dict[str, Any]:
        now = now_ms()
        system = {
            "hostname": hostname, "os_family": "linux", "os_id": "debian", "os_name": "Debian GNU/Linux 12 (bookworm)",
            "os_version": differs.get("os_version", "12"), "kernel": "6.1.0-28-amd64", "architecture": "x86_64",
        }  # fmt: skip
        drive = {"name": "nvme0n1", "kind": differs.get("drive", "nvme"), "size_bytes": 512 * 10**9, "system": True}
        hardware = {
            "device_class": differs.get("device_class", "laptop"), "manufacturer": "Dell Inc.",
            "model": differs.get("model", "Latitude 5440"), "serial": f"S{hostname[-12:]}",
            "bios_version": "1.18.0", "bios_on": "2024-05-02", "cpu_model": "13th Gen Intel(R) Core(TM) i5-1345U",
            "cpu_cores": 10, "cpu_threads": 12, "memory_bytes": 16 * GIB, "drives": [drive],
        }  # fmt: skip
        titles = [
            {"name": name, "version": f"{n}.{n + 3}.1", "publisher": "Example Ltd", "installed_on": f"2026-0{n + 1}-17"}
            for n, name in enumerate([*_SOFTWARE, *differs.get("software", ())])
        ]
        sections: dict[str, Any] = {"system": system, "hardware": hardware, "software": {"titles": titles}}
        restart: Any = {"pending": True, "reasons": ["libc6", "linux-image-amd64"]}
        told = device.report(**sections, **self._readings(differs), restart=restart, use=self._use(now - HOUR_MS))
        outcomes = {**_OUTCOMES, "battery": {"outcome": "failed", "problem": "PermissionError: [Errno 13]"}}
        return {**told, "outcomes": outcomes if differs.get("failing") else _OUTCOMES}

    def _start(self, at: int, differs: dict[str, Any]) -> dict[str, Any]:
        settled = differs.get("settled", 41.0) * self.random.uniform(0.8, 1.25)
        return {
            "start_id": secrets.token_hex(16), "kind": "full", "zero_at": iso(at - HOUR_MS),
            "to_sign_in_seconds": settled * 0.4, "to_sign_in_quality": "measured", "to_sign_in_revision": 1,
            "to_settled_seconds": settled, "to_settled_quality": "measured", "to_settled_revision": 1,
            "firmware_seconds": 7.2, "loader_seconds": 2.1, "kernel_seconds": 3.3, "userspace_seconds": settled - 3.3,
            "culprits": [{"name": "NetworkManager-wait-online.service", "kind": "unit", "seconds": settled * 0.3}],
        }  # fmt: skip

    def _use(self, at: int) -> dict[str, Any]:
        cpu = [20, 11, 8, 6, 4, 3, 2, 2, 1, 1, 1, 1]
        memory = [0, 0, 0, 2, 8, 16, 20, 10, 2, 1, 1, 0]
        pressure = [[0, 0, 1, 0], [1, 1, 1, 0], [6, 2, 0, 0], [44, 4, 0, 0]]
        hour = {
            "hour_at": iso(at - at % HOUR_MS),
            "cpu": cpu,
            "memory": memory,
            "disk": [54, 3, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
        }
        return {"hours": [{**hour, "memory_pressure": pressure, "missed": 1, "suspended": 5}]}

    def _readings(self, differs: dict[str, Any]) -> dict[str, Any]:
        total = 476 * GIB
        free = round(total * differs.get("free", 0.62) * self.random.uniform(0.95, 1.05))
        pack = {"name": "BAT0", "unit": "Wh", "design": 54.0, "full": differs.get("full", 49.5), "cycles": 214}
        return {
            "disks": {"volumes": [{"name": "/", "total_bytes": total, "free_bytes": free, "system": True}]},
            "battery": {"packs": [{**pack, "charge_percent": 87.0, "state": "discharging"}]},
        }


def token(client: FlaskClient, path: str) -> str:
    """The token of the form on a page."""
    text = client.get(path).text
    return text.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
