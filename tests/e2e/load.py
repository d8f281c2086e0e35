"""A small load: devices that post real reports without pause, and remember what was acknowledged."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
import time
from collections import Counter
from itertools import cycle
from typing import Any, Self

from sqlalchemy import select
from tests.e2e.wire import Client
from tests.server.door import Device, start

from muster_server.clock import HOUR_MS, iso, now_ms
from muster_server.db import Database
from muster_server.models import reports


def sections(number: int) -> dict[str, Any]:
    """What a plausible device says in its report `number`."""
    now = now_ms()
    minutes = [number % 15, 15 - number % 15, *[0] * 10]
    return {
        "system": {"hostname": "pc-1", "os_family": "linux", "os_name": "Debian GNU/Linux 12", "os_version": "12"},
        "use": {"hours": [{"hour_at": iso(now // HOUR_MS * HOUR_MS), "cpu": minutes, "memory": minutes}]},
        "disks": {"volumes": [{"name": "/", "total_bytes": 2**38, "free_bytes": 2**37 - number, "system": True}]},
        "restart": {"pending": False},
        "starts": [start(iso(now - number * HOUR_MS), 40.0)] if number % 10 == 1 else [],
    }


class Load:
    """Devices that post from a few threads, as spools do: what was not answered is sent again, unchanged."""

    def __init__(self, port: int, key: str, *, threads: int = 4, devices: int = 40) -> None:
        self.acknowledged: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self._stopped = threading.Event()
        self._clients = [Client(port, keeps=True) for _ in range(threads)]
        fleet = [Device(self._clients[number % threads], key) for number in range(devices)]
        self._threads = [
            threading.Thread(target=self._post, args=(fleet[number::threads],), daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def rate(self, seconds: float) -> float:
        """Reports a second that are acknowledged during the next `seconds`."""
        before, begun = len(self.acknowledged), time.monotonic()
        time.sleep(seconds)
        return (len(self.acknowledged) - before) / (time.monotonic() - begun)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        """Stop, once every report under way is acknowledged."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(0.1 if failed else 60)
        for client in self._clients:
            client.close()
        assert failed or not any(thread.is_alive() for thread in self._threads), f"not all is taken: {self.statuses}"

    def _post(self, devices: list[Device]) -> None:
        for device in cycle(devices):
            if self._stopped.is_set():
                return
            body = {"sent_at": iso(now_ms()), "agent": {"version": "0.1.0"}, "reports": _batch(device)}
            packed = gzip.compress(json.dumps(body).encode(), 1)
            while not self._acknowledged(device, packed):
                time.sleep(0.05)

    def _acknowledged(self, device: Device, packed: bytes) -> bool:
        try:
            answer = device.post_bytes(packed)
        except (OSError, http.client.HTTPException):
            self.statuses[0] += 1
            return False
        self.statuses[answer.status_code] += 1
        if answer.status_code != 202:
            return False
        self.acknowledged.update(answer.json["accepted"], answer.json["duplicate"])
        return True


def _batch(device: Device) -> list[dict[str, Any]]:
    return [device.report(**sections(device.sequence + 1)) for _ in range(1 + device.sequence % 3)]


def stored_ids(database: Database) -> Counter[str]:
    """How often each report stands in the store."""
    with database.read() as connection:
        rows = connection.execute(select(reports.c.stream, reports.c.sequence))
        return Counter(f"{row.stream}:{row.sequence}" for row in rows)
