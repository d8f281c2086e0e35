"""`muster-agent doctor`: can this device be measured and reported, and what to do where it cannot."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any, NamedTuple

from muster_agent import __version__, config, enrolment, seal
from muster_agent.files import private_directory, write_whole
from muster_agent.machine import Machine
from muster_agent.road import finder
from muster_agent.sources import root_facts
from muster_agent.transport import Client, NetworkFaultError

_MOST_SKEW_SECONDS = 300
# A batch whose one report is refused: it shows whether the token is good and what time it is, and stores nothing.
_EMPTY = b'{"sent_at":"1970-01-01T00:00:00Z","reports":[{}]}'


class Finding(NamedTuple):
    """What was checked, `ok`, `note` or `wrong`, and what was found or is to be done."""

    check: str
    state: str
    detail: str


def examine(settings: config.Settings, machine: Machine) -> list[Finding]:
    """Every check, in the order in which one would mend things."""
    checks: tuple[Callable[[config.Settings, Machine], Finding], ...] = (
        _state_dir, _rights, _identity, _server, _clock,
    )  # fmt: skip
    return [check(settings, machine) for check in checks]


def _state_dir(settings: config.Settings, _machine: Machine) -> Finding:
    probe = os.path.join(settings.state_dir, "probe")
    there = os.path.isdir(settings.state_dir)
    try:
        private_directory(settings.state_dir)
        write_whole(probe, b"1")
        os.remove(probe)
        if not there:
            os.rmdir(settings.state_dir)
    except OSError as error:
        what = f"{settings.state_dir} cannot be written ({error.strerror})"
        return Finding("state", "wrong", f"{what}: run this {config.PRIVILEGED}, or set state_dir.")
    return Finding("state", "ok", f"{settings.state_dir} can be written")


def _rights(_settings: config.Settings, machine: Machine) -> Finding:
    if machine.system == "windows":
        return _windows_rights(machine)
    if not machine.exists("/sys/class/dmi/id"):
        return Finding("hardware", "note", "no SMBIOS here; the device is known by its machine id alone")
    if machine.read_or_none("/sys/class/dmi/id/product_uuid") is None and not machine.exists(root_facts.PATH):
        brings = "start muster-agent-facts.service, or run the agent as root"
        return Finding("hardware", "note", f"serial and UUID may be read by root alone: {brings}")
    return Finding("hardware", "ok", "serial and UUID can be read")


def _windows_rights(machine: Machine) -> Finding:
    from muster_agent.sources.windows.logs import newest_record
    from muster_agent.sources.windows.performance import CHANNEL

    try:
        newest_record(machine, CHANNEL)
    except OSError as error:
        return Finding("starts", "wrong", f"Windows' record of its starts cannot be read: {error.strerror}")
    return Finding("starts", "ok", "Windows' record of its starts can be read")


def _identity(settings: config.Settings, machine: Machine) -> Finding:
    if seal.is_sealed(settings.state_dir) and seal.is_here(settings.state_dir, machine):
        return Finding("identity", "note", "sealed as a golden image: the agent begins on other hardware only")
    found = enrolment.load(settings.state_dir)
    if found is not None:
        return Finding("identity", "ok", f"enrolled as {found.device_id}")
    try:
        key = config.enrolment_key(settings)
    except config.SettingsError as error:
        return Finding("identity", "wrong", str(error))
    if key:
        return Finding("identity", "note", "not enrolled yet; an enrolment key is set")
    return Finding("identity", "wrong", "not enrolled and no key: set enrolment_key or enrolment_key_file")


def _server(settings: config.Settings, machine: Machine) -> Finding:
    try:
        with closing(_client(settings, machine)) as client:
            answer = client.get("/readyz")
            road = client.road
    except (NetworkFaultError, ValueError) as error:
        return Finding("server", "wrong", f"{settings.server_url or 'server_url is not set'}: {error}")
    if answer.status != 200:
        return Finding("server", "wrong", f"it answers but is not ready: {answer.body.get('checks')}")
    through = f", through the proxy {road.host}:{road.port} (named by {road.named_by})" if road.host else ""
    return Finding("server", "ok", f"ready at {settings.server_url}{through}")


def _clock(settings: config.Settings, machine: Machine) -> Finding:
    found = enrolment.load(settings.state_dir)
    if found is None:
        return Finding("clock", "note", "compared with the server's once the device is enrolled")
    try:
        with closing(_client(settings, machine)) as client:
            answer = client.post("/api/v1/reports", _EMPTY, token=found.token)
    except (NetworkFaultError, ValueError) as error:
        return Finding("clock", "wrong", f"cannot be compared: {error}")
    return _compared(answer.body, answer.problem, machine=machine)


def _compared(body: dict[str, Any], problem: str, *, machine: Machine) -> Finding:
    if problem.startswith(("token-", "device-")):
        return Finding("token", "wrong", f"the server refuses this device: {body.get('detail', problem)}")
    if problem:
        return Finding("clock", "note", f"cannot be compared: {body.get('detail', problem)}")
    try:
        skew = machine.wall() - datetime.fromisoformat(str(body.get("server_time"))).timestamp()
    except ValueError:
        return Finding("clock", "wrong", "the server's answer holds no time")
    state = "ok" if abs(skew) < _MOST_SKEW_SECONDS else "note"
    return Finding("clock", state, f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the server's")


def _client(settings: config.Settings, machine: Machine) -> Client:
    way = finder(settings, machine, environ=os.environ)
    return Client(settings.server_url, ca_file=settings.ca_file, road=way, version=__version__)


def printed(findings: list[Finding]) -> str:
    """The findings as lines."""
    return "".join(f"{f.state:5}  {f.check:9} {f.detail}\n" for f in findings)
