"""When to sample, report and send next. Pure: instants are seconds of the clock that counts time asleep.

A fault or the server makes sending wait; a new report does not end that wait.
"""

from __future__ import annotations

import math

_LOOK_SECONDS = 10.0  # whether a young start is over; one that hangs is looked at with every sample

_SOON_SECONDS = 15.0


class Agenda:
    """What comes when."""

    def __init__(self, now: float, *, sample_seconds: float, spread_seconds: float = 0.0) -> None:
        """Just sampled; the first report comes after `spread_seconds`, by which devices keep apart."""
        self._sample_seconds, self._spread_seconds = sample_seconds, spread_seconds
        self._young_until = self._held_until = self._reported_at = now
        self.sample_at = now + sample_seconds
        self.look_at = math.inf
        self.report_at = now + spread_seconds
        self.send_at = math.inf
        self.watch_at = math.inf  # what people see of the device

    def seconds_to_next(self, now: float) -> float:
        """How long nothing is due."""
        return max(0.0, min(self.sample_at, self.look_at, self.report_at, self.send_at, self.watch_at) - now)

    def await_start(self, now: float, young_seconds: float) -> None:
        """The device is still starting: the first report waits until that is over, or for `young_seconds`."""
        self._young_until = now + young_seconds
        self.look_at = now + _LOOK_SECONDS
        self.report_at = self._young_until + self._spread_seconds

    def looked(self, now: float, *, over: bool) -> None:
        """Whether the start is over was looked at; a start that is over is told soon."""
        if over:
            self.look_at = math.inf
            self.report_at = min(self.report_at, now + self._spread_seconds)
        else:
            self.look_at = now + _LOOK_SECONDS if now < self._young_until else max(self.sample_at, now + 1)

    def watched(self, now: float, seconds: float, *, news: bool) -> None:
        """Desktops were looked for, and will be again in `seconds`; what was seen of one is told soon."""
        self.watch_at = now + seconds
        if news:
            self.report_at = min(self.report_at, now + max(self._spread_seconds, _SOON_SECONDS))

    def sampled(self, now: float) -> None:
        """The next sample keeps to the minute, unless minutes were slept through."""
        self.sample_at = max(self.sample_at + self._sample_seconds, now + 1)

    def reported(self, now: float, seconds: float) -> None:
        """A report was made, the next one comes in `seconds`; it goes at once unless sending has to wait."""
        self._reported_at = now
        self.report_at = now + seconds
        self.send_at = max(now, self._held_until)

    def put_off(self, now: float, seconds: float) -> None:
        """No report was made, for the device is to be spared: whether it still is shows after `seconds`."""
        self.report_at = now + seconds

    def paced(self, seconds: float) -> None:
        """The server set another pace: it holds from the last report on."""
        self.report_at = self._reported_at + seconds

    def sent(self, now: float, wait_seconds: float) -> None:
        """Something was sent or could not be: go on after `wait_seconds`, or, when 0, with the next report."""
        self._held_until = now + wait_seconds
        self.send_at = self._held_until if wait_seconds else math.inf

    def hurry_report(self, now: float) -> None:
        """The server wants something: do not wait for the next report's time."""
        self.report_at = min(self.report_at, now + 1)
