"""A client of the public API alone: it reads with a token, and waits for what Muster makes of what it posted."""

from __future__ import annotations

from contextlib import closing
from typing import Any
from urllib.parse import urlencode

from tests.e2e.programs import Program, wait_for
from tests.server.door import Device
from tests.server.reader import starts

from muster_server.store.people import create_token


class Reader:
    """Whoever holds an API token of a running instance."""

    def __init__(self, instance: Program) -> None:
        self._client = instance.client
        with closing(instance.open_store()) as database, database.write() as connection:
            token = create_token(connection, "tests", role="viewer", days=1)
        self._headers = {"Authorization": f"Bearer {token}"}

    def read(self, path: str, **query: Any) -> Any:
        """The answer of a path under /api/v1."""
        asked = f"?{urlencode(query)}" if query else ""
        answer = self._client.get(f"/api/v1{path}{asked}", headers=self._headers)
        assert answer.status_code == 200, answer.text
        return answer.json

    def wait_for_verdict(self, device: Device, verdict: str) -> Any:
        """The device, once it is judged so."""

        def judged() -> Any:
            told = self.read(f"/devices/{device.uid}")
            return told if told["verdict"] == verdict else None

        return wait_for(f"verdict {verdict}", judged)


def newcomer(instance: Program) -> Device:
    """A device that enrols with a key of its own."""
    return Device(instance.client, instance.enrolment_key())


def post_slow_starts(device: Device) -> None:
    """What makes a verdict `fix`."""
    answer = device.post(device.report(starts=starts(600)))
    assert answer.status_code == 202, answer.text
