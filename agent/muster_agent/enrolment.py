"""Who this device is to the server: asked for once, with a key, and kept in a file that root alone may read."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from muster_agent.files import private_directory, read_json, remove, write_whole
from muster_agent.sealing import seal, unseal
from muster_agent.transport import Client, NetworkFaultError


class EnrolmentRefusedError(Exception):
    """The server does not let this device in; the text says why."""


class Identity(NamedTuple):
    """What the server gave this device."""

    device_id: str
    token: str


def load(state_dir: str) -> Identity | None:
    """The identity kept here, if there is one."""
    found = read_json(_path(state_dir))
    device_id, token = found.get("device_id"), unseal(found)
    return Identity(device_id, token) if isinstance(device_id, str) and token is not None else None


def forget(state_dir: str) -> None:
    """Forget the identity."""
    remove(_path(state_dir))


def enrol(client: Client, about: dict[str, Any], *, token: str = "") -> Identity:
    """Ask for an identity with the key in `about`, or, when split, with the `token` held.

    `about` is the wire's EnrolRequest. Raises EnrolmentRefusedError or NetworkFaultError.
    """
    answer = client.post("/api/v1/enrol", json.dumps(about).encode(), token=token)
    device_id, given = answer.body.get("device_id"), answer.body.get("token")
    if answer.status == 201 and isinstance(device_id, str) and isinstance(given, str):
        return Identity(device_id, given)
    if answer.problem in ("enrolment-refused", "bad-request", "device-unknown", "token-invalid", "token-revoked"):
        raise EnrolmentRefusedError(str(answer.body.get("detail", "no reason given"))[:300])
    raise NetworkFaultError(f"status {answer.status}", answer.retry_after_seconds)


def keep(state_dir: str, identity: Identity) -> None:
    """Keep an identity; raises OSError."""
    private_directory(state_dir)
    kept = {"device_id": identity.device_id, **seal(identity.token)}
    write_whole(_path(state_dir), json.dumps(kept).encode())


def _path(state_dir: str) -> str:
    return os.path.join(state_dir, "identity.json")
