"""The agent's life: sample → report → spool → send. The only place that knows all the others.

It never hurries a device: begun within 10 minutes of a start, the inventory and the first post wait until the start is
over (at most 10 minutes) plus up to 2 minutes at random. SIGTERM ends it within 2 seconds, also in the middle of a
request.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
from typing import Any

from muster_agent import __version__, config, enrolment, identity, road, seal, thrift, usable
from muster_agent.agenda import Agenda
from muster_agent.collectors import starts
from muster_agent.files import lock, private_directory, read_json, remove, write_whole
from muster_agent.machine import Machine
from muster_agent.report import Reporter, envelope
from muster_agent.sampler import Sampler
from muster_agent.sender import TROUBLES, Sender, Told
from muster_agent.sources import root_facts
from muster_agent.sources.sparing import is_sparing
from muster_agent.spool import Spool
from muster_agent.stopping import Stop, Stopping
from muster_agent.telling import Tell, say
from muster_agent.transport import Client, NetworkFaultError

_SPOOL, _MEMORY = "spool", "told.json"  # in state_dir
_YOUNG_SECONDS = 600.0
_SPREAD_SECONDS = 120.0
_LAST_PROGRAM_SECONDS = 0.4  # patience with a program while stopping
_REFUSED_SECONDS = 3_600.0
_LOOK_AGAIN_SECONDS = 15.0
_MORE_WAITS_SECONDS = 0.2
_LOOK_AT_SEAL_SECONDS = 60.0
SEALED = "This machine was sealed as a golden image."


class Agent:
    """One run of the agent."""

    def __init__(
        self, settings: config.Settings, machine: Machine, *, stopping: Stopping | None = None, tell: Tell = say
    ) -> None:
        """Takes the state directory; `tell` hears what becomes of it.

        Raises OSError, InUseError, or ValueError when the settings cannot be used.
        """
        self._settings = settings
        self._machine = machine
        way = road.finder(settings, machine, environ=os.environ)
        self._client = Client(settings.server_url, ca_file=settings.ca_file, road=way, version=__version__)
        private_directory(settings.state_dir)
        self._lock = lock(settings.state_dir)
        self._spool = Spool(os.path.join(settings.state_dir, _SPOOL), settings.spool_bytes)
        self._sampler = Sampler(machine)
        self._reporter = Reporter(machine, settings, hardware_hash=None)
        self._reporter.remember(read_json(self._memory_path))
        self._sender = Sender(self._client, machine, version=__version__)
        self._identity = enrolment.load(settings.state_dir)
        self._written = b""  # what stands in told.json
        self._report_seconds = settings.report_seconds
        self._stopping = stopping or Stopping()
        self._tell = tell

    def run(self, *, now: bool) -> int:
        """Run until told to stop; `now`: report at once, however young the start is. Gives the exit code.

        That is 0, or 1 when collectors hang in this process and another one should take its place.
        """
        self._machine.step_back()
        with self._stopping.listening():
            self._run(now=now)
        if seal.is_sealed(self._settings.state_dir):
            self.close()
            return 0
        # What was counted since the last report waits on disk for the next run, and so does a start not told yet.
        self._reporter.hurry(_LAST_PROGRAM_SECONDS)
        self._make_report(("starts",))
        self.close()
        if self._stopping.asked:
            return 0
        self._tell("trouble", "Collectors hang in this process: it ends, to be started again without them.")
        return 1

    def once(self) -> Told:
        """Make one report and send everything that waits; raises EnrolmentRefusedError or NetworkFaultError."""
        try:
            self.enrol()
            self._make_report()
            told = Told(0.0)
            while len(self._spool) and not told.wait_seconds:
                told = self._sender.send(self._spool, self.enrol().token)
                self._obey(told)
        finally:
            self.close()
        return told

    def enrol(self) -> enrolment.Identity:
        """The identity of this device, asked for if need be; raises EnrolmentRefusedError or NetworkFaultError."""
        if not seal.open_elsewhere(self._settings.state_dir, self._machine):
            raise enrolment.EnrolmentRefusedError(f"{SEALED} `muster-agent reset` takes the seal off.")
        return self._identity or self._enrol()

    def close(self) -> None:
        """Give the state directory free."""
        self._spool.close()
        self._client.close()
        self._lock.close()

    def _run(self, *, now: bool) -> None:
        self._wait_while_sealed()
        clock = self._machine.elapsed
        self._sampler.missed_since(self._spool.kept_at)
        self._sample()
        age, over = starts.progress(self._machine)
        young = not now and age < _YOUNG_SECONDS
        spread = random.uniform(0, _SPREAD_SECONDS) if young else 0.0  # noqa: S311 - spreads devices, keeps no secret
        agenda = Agenda(clock(), sample_seconds=self._settings.sample_seconds, spread_seconds=spread)
        if not over:
            agenda.await_start(clock(), _YOUNG_SECONDS - age if young else 0.0)
        timer = usable.Timer(self._machine, usable.eyes_of(self._machine))
        self._watch(timer, agenda)
        while not self._stopping.asked and not self._reporter.is_worn_out:
            woken = self._stopping.rest(agenda.seconds_to_next(clock()))
            if woken or clock() >= agenda.watch_at:
                self._watch(timer, agenda)
            if clock() >= agenda.sample_at:
                self._sample()
                agenda.sampled(clock())
            if clock() >= agenda.look_at:
                agenda.looked(clock(), over=starts.progress(self._machine)[1])
            if clock() >= agenda.report_at:
                self._report(agenda)
            if clock() >= agenda.send_at:
                pace, wait = self._report_seconds, self._exchange()
                agenda.sent(clock(), wait)
                if self._report_seconds != pace:
                    agenda.paced(self._report_seconds)
                if self._reporter.is_wanted and not wait:
                    agenda.hurry_report(clock())

    def _report(self, agenda: Agenda) -> None:
        if thrift.is_put_off(self._machine):
            agenda.put_off(self._machine.elapsed(), self._report_seconds)
        else:
            self._make_report(thrift.names(self._machine))
            agenda.reported(self._machine.elapsed(), self._report_seconds)

    def _wait_while_sealed(self) -> None:
        told = False
        while not seal.open_elsewhere(self._settings.state_dir, self._machine):
            if not told:
                self._tell("trouble", f"{SEALED} The agent begins on other hardware only.")
            told = True
            self._stopping.rest(_LOOK_AT_SEAL_SECONDS)  # root may tell what names this hardware a minute later

    def _watch(self, timer: usable.Timer, agenda: Agenda) -> None:
        seconds, news = timer.look()
        agenda.watched(self._machine.elapsed(), seconds, news=news)

    def _sample(self) -> None:
        guard = self._reporter.guard
        if not guard.disables("use"):
            with self._stopping.held(), guard.watching("use"):
                self._sampler.sample()

    def _make_report(self, names: tuple[str, ...] | None = None) -> None:
        if self._reporter.hardware_hash is None:
            self._reporter.hardware_hash = identity.hints(self._machine)["hardware_hash"]
        try:
            collected = self._reporter.collect(names)
        except Stop:
            self._reporter.not_built()  # what was collected is in no report
            raise
        with self._stopping.held():
            try:
                sequence, report_id = self._spool.next_id()
            except OSError as error:
                self._reporter.not_built()
                self._tell("disk", f"No report can be numbered ({error.strerror}); counting goes on.")
                return
            losses, dropped = self._spool.take_losses()
            self._reporter.lost(dropped)
            self._spool.add(sequence, self._reporter.build(report_id, collected, sampler=self._sampler, losses=losses))
            state = json.dumps(self._reporter.state()).encode()
            if state == self._written:
                return
            try:
                write_whole(self._memory_path, state)
                self._written = state
            except OSError as error:
                self._tell(
                    "disk",
                    f"{self._memory_path} cannot be written ({error.strerror}); the next run tells everything again.",
                )

    def _exchange(self) -> float:
        """Enrol if need be, send one batch; gives the seconds to wait (0: until the next report)."""
        if self._identity is None and root_facts.are_awaited(self._machine):
            return _LOOK_AGAIN_SECONDS  # else the server would know the device by half of what names it
        try:
            token = self.enrol().token
        except (enrolment.EnrolmentRefusedError, config.SettingsError) as refused:
            self._tell("refused", f"Enrolment was refused: {refused}")
            return _REFUSED_SECONDS
        except NetworkFaultError as fault:
            self._tell("unreachable", f"The server cannot be reached: {fault}. Reports wait on disk.")
            return self._sender.back_off(str(fault), fault.retry_after_seconds).wait_seconds
        told = self._sender.send(self._spool, token)
        self._obey(told)
        more = len(self._spool) and not is_sparing(self._machine)
        return told.wait_seconds or (_MORE_WAITS_SECONDS if more else 0.0)

    def _obey(self, told: Told) -> None:
        if told.trouble:
            unreachable = f"The server cannot be reached: {told.trouble}. Reports wait on disk."
            known = TROUBLES.get(told.trouble)
            self._tell("trouble" if known else "unreachable", known or unreachable)
        elif told.next_report_seconds is not None:
            self._tell("accepted", self._machine.now())
        if told.next_report_seconds is not None:
            self._report_seconds = round(told.next_report_seconds * self._pace())
        self._reporter.want(told.want)
        if self._identity is not None and told.trouble in ("split", "unknown"):
            try:
                self._enrol(token=self._identity.token if told.trouble == "split" else "")
            except (enrolment.EnrolmentRefusedError, NetworkFaultError, config.SettingsError) as error:
                self._tell("refused", f"The device could not enrol anew, and stays what it is: {error}")

    def _enrol(self, *, token: str = "") -> enrolment.Identity:
        key = "" if token else config.enrolment_key(self._settings)
        if not token and not key:
            raise enrolment.EnrolmentRefusedError("no enrolment key is set: see `muster-agent doctor`")
        about = {
            "agent": {"version": __version__, "platform": sys.platform},
            "hardware": identity.hints(self._machine),
            "hostname": self._machine.hostname(),
            "key": key or None,
        }
        given = enrolment.enrol(self._client, about, token=token)
        if self._identity is not None:
            self._reporter.forget()
        self._identity = given
        try:
            enrolment.keep(self._settings.state_dir, given)
        except OSError as error:
            self._tell(
                "disk",
                f"The identity cannot be kept in {self._settings.state_dir} ({error.strerror}): good for this run.",
            )
        self._tell("enrolled", f"Enrolled as device {given.device_id}.")
        return given

    def _pace(self) -> float:
        """0.95 to 1.05 by the device's id: devices that started together drift apart, and none runs on the minute."""
        device_id = self._identity.device_id if self._identity else ""
        return 0.95 + 0.1 * int(hashlib.sha256(device_id.encode()).hexdigest()[:4], 16) / 65_536

    @property
    def _memory_path(self) -> str:
        return os.path.join(self._settings.state_dir, _MEMORY)


def preview(settings: config.Settings, machine: Machine) -> dict[str, Any]:
    """What a first report would hold now; nothing is sent, kept or counted."""
    hints = identity.hints(machine)
    sampler = Sampler(machine)
    sampler.sample()
    reporter = Reporter(machine, settings, hardware_hash=hints["hardware_hash"])
    report = reporter.build("0" * 32 + ":1", reporter.collect(), sampler=sampler)
    body: dict[str, Any] = json.loads(envelope(machine, __version__, reports=[report]))
    return body


def forget(settings: config.Settings) -> None:
    """Remove everything that the agent keeps; raises OSError, or InUseError while an agent runs."""
    import shutil  # for this alone

    spool = os.path.join(settings.state_dir, _SPOOL)
    if not os.path.isdir(settings.state_dir):
        return
    with lock(settings.state_dir):
        enrolment.forget(settings.state_dir)
        seal.take_off(settings.state_dir)
        remove(os.path.join(settings.state_dir, _MEMORY))
        if os.path.isdir(spool):
            shutil.rmtree(spool)
