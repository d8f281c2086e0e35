"""The agent's life: sample → report → spool → send. The only place that knows all the others.

It never hurries a device: begun within 10 minutes of a start, the inventory and the first post wait until the start is
over (at most 10 minutes) plus up to 2 minutes at random. SIGTERM ends it within 2 seconds, also in the middle of a
request: the signal's handler raises Stop there.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import signal
import sys
import time
from typing import Any, NoReturn

from muster_agent import __version__, config, enrolment, identity
from muster_agent.collectors import starts
from muster_agent.files import read_json, write_whole
from muster_agent.machine import Machine
from muster_agent.report import Reporter, envelope
from muster_agent.sampler import Sampler
from muster_agent.sender import Sender, Told
from muster_agent.spool import Spool
from muster_agent.transport import Client, NetworkFaultError

_YOUNG_SECONDS = 600.0
_SPREAD_SECONDS = 120.0
_LOOK_SECONDS = 10.0  # whether a young start is over; one that hangs is looked at with every sample


class Stop(BaseException):
    """Raised by SIGTERM and SIGINT, wherever the agent waits."""


class Agent:
    """One run of the agent."""

    def __init__(self, settings: config.Settings, machine: Machine) -> None:
        """Opens the spool; raises OSError or ValueError when the settings cannot be used."""
        self._settings = settings
        self._machine = machine
        self._client = Client(settings.server_url, ca_file=settings.ca_file, proxy=settings.proxy, version=__version__)
        self._spool = Spool(os.path.join(settings.state_dir, "spool"), settings.spool_bytes)
        self._hints = identity.hints(machine)
        self._sampler = Sampler(machine)
        self._reporter = Reporter(machine, settings, hardware_hash=self._hints["hardware_hash"])
        self._reporter.remember(read_json(self._memory_path))
        self._sender = Sender(self._client, machine, version=__version__)
        self._identity = enrolment.load(settings.state_dir)
        self._report_seconds = settings.report_seconds

    def run(self, *, now: bool) -> None:
        """Run until told to stop; `now`: report at once, however young the start is."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
        try:
            self._run(now=now)
        except Stop:
            pass
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            self._make_report()  # what was counted since the last one waits on disk for the next run
            self._client.close()

    def once(self) -> Told:
        """Make one report and send everything that waits; raises EnrolmentRefusedError, NetworkFaultError."""
        self._sampler.sample()
        if self._identity is None:
            self._enrol()
        self._make_report()
        told = Told(0.0)
        while len(self._spool) and self._identity is not None and not told.wait_seconds and not told.trouble:
            told = self._sender.send(self._spool, self._identity.token)
        return told

    def enrol(self) -> enrolment.Identity:
        """Enrol, if this device is not yet; raises EnrolmentRefusedError, NetworkFaultError."""
        if self._identity is None:
            self._enrol()
        if self._identity is None:
            raise enrolment.EnrolmentRefusedError("no identity was given")
        return self._identity

    def _run(self, *, now: bool) -> None:
        clock = self._machine.elapsed
        self._sampler.sample()
        age, over = starts.progress(self._machine)
        young_until = clock() + _YOUNG_SECONDS - age
        # Devices that were switched on together do not report in one breath.
        spread = 0.0 if now or age >= _YOUNG_SECONDS else random.uniform(0, _SPREAD_SECONDS)  # noqa: S311 - no secret
        next_sample = clock() + self._settings.sample_seconds
        next_look = math.inf if over else clock() + _LOOK_SECONDS
        next_report = next_send = spread + (clock() if now or over else max(clock(), young_until))
        while True:
            time.sleep(max(0.0, min(next_sample, next_look, next_report, next_send) - clock()))
            if clock() >= next_sample:
                self._sampler.sample()
                next_sample = max(next_sample + self._settings.sample_seconds, clock() + 1)
            if clock() >= next_look:
                _, over = starts.progress(self._machine)
                next_look = math.inf if over else clock() + _LOOK_SECONDS if clock() < young_until else next_sample
                next_report = min(next_report, clock() + spread) if over else next_report
            if clock() >= next_report:
                self._make_report()
                next_report, next_send = clock() + self._report_seconds, min(next_send, clock())
            if clock() >= next_send:
                wait = self._exchange()
                next_send = clock() + wait if wait else next_report
                if self._reporter.wanted:
                    next_report = min(next_report, clock() + 1)

    def _make_report(self) -> None:
        sequence, report_id = self._spool.next_id()
        self._reporter.losses = {**self._reporter.losses, **self._spool.take_losses()}
        self._spool.add(sequence, self._reporter.build(report_id, self._sampler))
        try:
            write_whole(self._memory_path, json.dumps(self._reporter.state()).encode())
        except OSError:
            self._spool.losses["spool_full"] = True

    def _exchange(self) -> float:
        """Enrol if need be, send one batch; gives the seconds to wait (0: until the next report)."""
        try:
            if self._identity is None:
                self._enrol()
        except enrolment.EnrolmentRefusedError as refused:
            _say(f"Enrolment was refused: {refused}")
            return 3_600.0
        except NetworkFaultError as fault:
            _say(f"The server cannot be reached: {fault}. Reports wait on disk.")
            return fault.retry_after_seconds + random.uniform(5, 60)  # noqa: S311 - spreads devices
        if self._identity is None:
            return 3_600.0
        told = self._sender.send(self._spool, self._identity.token)
        self._obey(told)
        if told.wait_seconds:
            return told.wait_seconds
        return 0.2 if len(self._spool) else 0.0

    def _obey(self, told: Told) -> None:
        if told.trouble:
            _say(f"The server: {told.trouble}.")
        if told.next_report_seconds is not None:
            self._report_seconds = round(told.next_report_seconds * self._pace())
        if told.want:
            self._reporter.wanted = set(told.want)
        if told.trouble == "split" and self._identity is not None:
            token, self._identity = self._identity.token, None
            self._reporter.forget()
            try:
                self._enrol(token=token)
            except (enrolment.EnrolmentRefusedError, NetworkFaultError) as error:
                _say(f"The device shares its identity with another and could not enrol anew: {error}")
        if told.trouble == "unknown" and config.enrolment_key(self._settings):
            enrolment.forget(self._settings.state_dir)
            self._identity = None
            self._reporter.forget()

    def _enrol(self, *, token: str = "") -> None:
        about = {
            "agent": {"version": __version__, "platform": sys.platform},
            "hardware": self._hints,
            "hostname": self._machine.read_or_none("/proc/sys/kernel/hostname"),
            "key": None if token else config.enrolment_key(self._settings),
        }
        if not token and not about["key"]:
            raise enrolment.EnrolmentRefusedError("no enrolment key is set: see `muster-agent doctor`")
        given = enrolment.enrol(self._client, self._settings.state_dir, about=about, token=token)
        self._identity = given
        self._reporter.forget()
        _say(f"Enrolled as device {given.device_id}.")

    def _pace(self) -> float:
        """0.95 to 1.05 by the device's id: devices that started together drift apart, and none runs on the minute."""
        device_id = self._identity.device_id if self._identity else ""
        return 0.95 + 0.1 * int(hashlib.sha256(device_id.encode()).hexdigest()[:4], 16) / 65_536

    @property
    def _memory_path(self) -> str:
        return os.path.join(self._settings.state_dir, "told.json")


def preview(settings: config.Settings, machine: Machine) -> dict[str, Any]:
    """What a first report would hold now; nothing is sent, kept or counted."""
    hints = identity.hints(machine)
    sampler = Sampler(machine)
    sampler.sample()
    report = Reporter(machine, settings, hardware_hash=hints["hardware_hash"]).build("0" * 32 + ":1", sampler)
    body: dict[str, Any] = json.loads(envelope(machine, __version__, reports=[report]))
    return body


def _stop(_number: int, _frame: object) -> NoReturn:
    raise Stop


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
