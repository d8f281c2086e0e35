"""Sends what devices have to tell: months at first, then each device's newest quarter of an hour, for good.

Enters: an estate and its state. Leaves: reports on the server, and counts of them. A few threads share the devices out;
each device's newest reports go first, and device after device is told whole, so that the first are judged early.
"""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tests.fleet.estate import Device, make_device
from tests.fleet.life import DAY, HOUR, Life
from tests.fleet.reports import RARE, VERSION, Reporter
from tests.fleet.state import Estate, Standing, State
from tests.fleet.timeline import QUARTER, Window
from tests.fleet.wire import AwayError, Door, RefusedError, enrol

_MOST_REPORTS = 96
_LONGEST_WAIT_SECONDS = 60.0


def now_ms() -> int:
    """The true time, in epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Server(NamedTuple):
    """Where to send, and an enrolment key for each unit."""

    url: str
    keys: Sequence[str]


class Sender:
    """One run. `counts` adds up what the server answered: reports `accepted`, `duplicate` and `refused`, and so on."""

    def __init__(self, server: Server, estate: Estate, state: State, *, now: Callable[[], int] = now_ms) -> None:
        """`now` tells the true time in epoch milliseconds."""
        self.counts: Counter[str] = Counter()
        self._server, self._estate, self._state, self._now = server, estate, state, now
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._behind: set[int] = set()
        self._lock = threading.Lock()

    def start(self, numbers: Sequence[int], *, threads: int, fail: Callable[[Exception], None]) -> None:
        """Begin with these devices; `fail` is told of an error that ends a thread."""
        self._behind = set(numbers)
        for first in range(threads):
            share = numbers[first::threads]
            thread = threading.Thread(target=self._serve, args=(share, fail), name=f"sender-{first}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End after the requests that are under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(10)

    @property
    def behind(self) -> int:
        """How many devices have not yet told all that they had when they began."""
        return len(self._behind)

    def due(self, device: Device, told_to: int) -> list[Window]:
        """What a device has to tell by now, oldest first."""
        until = self._now() + Reporter.phase_of(device)
        if device.silent_days:
            until = min(until, self._estate.first_run_at - device.silent_days * DAY)
        return list(self._estate.timeline.windows(told_to, until))

    def _serve(self, share: Sequence[int], fail: Callable[[Exception], None]) -> None:
        door = Door(self._server.url)
        turns = [(0, number) for number in share]  # (when, epoch ms; who), the soonest first
        try:
            while turns and not self._stop.wait(max(0.0, (turns[0][0] - self._now()) / 1000)):
                number = turns[0][1]
                again_at = self._take_turn(door, number)
                if again_at is None:
                    heapq.heappop(turns)
                else:
                    heapq.heapreplace(turns, (again_at, number))
        except _StoppedError:
            pass
        except RefusedError as error:
            fail(error)
        finally:
            door.close()

    def _take_turn(self, door: Door, number: int) -> int | None:
        """Let a device tell what it has; gives when it will have more (epoch ms), None when it has gone silent."""
        device = make_device(self._estate.seed, number)
        standing = self._state.standing(number) or self._enrol(device)
        windows = self.due(device, standing.told_to)
        try:
            told_to = self._tell(door, device, standing=standing, windows=windows)
        except RefusedError as error:
            if error.kind == "token-revoked":
                return self._now() + HOUR
            if error.kind not in ("device-unknown", "token-invalid"):
                raise
            self._state.forget(number)  # another store: it enrols anew and tells everything
            return 0
        with self._lock:
            self._behind.discard(number)
        return None if device.silent_days else told_to + QUARTER - Reporter.phase_of(device)

    def _tell(self, door: Door, device: Device, *, standing: Standing, windows: Sequence[Window]) -> int:
        """Send these reports, the newest first, then remember it; gives up to when the device has told its time."""
        if not windows:
            return standing.told_to
        reporter = Reporter(Life(device, self._estate.first_run_at))
        newest = windows[-1]
        self._state.reach(newest.ends_at)
        want: list[str] = []
        for end in range(len(windows), 0, -_MOST_REPORTS):
            batch = reversed(windows[max(0, end - _MOST_REPORTS) : end])
            reports = [reporter.report(w, standing.wanted if w.sequence == standing.wanted_in else ()) for w in batch]
            want = self._send(door, reporter, reports=reports, token=standing.token)
        wanted = tuple(name for name in want if name in RARE)
        self._state.stand(device.number, Standing(standing.token, newest.ends_at, wanted, newest.sequence + 1))
        return newest.ends_at

    def _send(self, door: Door, reporter: Reporter, *, reports: list[bytes], token: str) -> list[str]:
        """Send one batch; gives what the server wants to be told."""
        answer = self._patiently(lambda: door.post("/api/v1/reports", reporter.envelope(reports, self._now()), token))
        with self._lock:
            self.counts["accepted"] += len(answer["accepted"])
            self.counts["duplicate"] += len(answer["duplicate"])
            for refusal in answer["refused"]:
                self.counts["refused_sections" if refusal["section"] else "refused"] += 1
            self.counts["split"] += answer["identity"] == "split"
        want: list[str] = answer["want"]
        return want

    def _enrol(self, device: Device) -> Standing:
        about = {
            "agent": {"version": VERSION, "platform": device.system.family},
            "hardware": device.hints,
            "hostname": device.hostname,
            "key": self._server.keys[device.number * 7 % len(self._server.keys)],
        }
        token = self._patiently(lambda: enrol(self._server.url, about, device.number))
        begins_at = self._estate.timeline.begins_at
        windows = self.due(device, begins_at)
        # The newest report is the first to be sent, so it tells everything that is told once.
        standing = Standing(token, begins_at, RARE, windows[-1].sequence if windows else 1)
        self._state.stand(device.number, standing)
        return standing

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        failures = 0
        while True:
            try:
                return ask()
            except AwayError as error:
                failures += 1
                wait = error.seconds + random.uniform(0, min(_LONGEST_WAIT_SECONDS, 2.0**failures))
            if self._stop.wait(wait):
                raise _StoppedError


class _StoppedError(Exception):
    """The run ends while a device waits for the server."""
