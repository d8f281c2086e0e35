"""What a person sees while an estate is told: one bar on a terminal, else a line now and then.

Enters: how much is done. Leaves: text on stdout.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time

from tests.fleet.sender import Sender
from tests.fleet.wire import metrics

_BAR_CELLS = 24
_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Progress of a number of devices that have a number of reports to send."""

    def __init__(self, devices: int, reports: int) -> None:
        self._devices, self._reports = devices, reports
        self._began = self._shown = time.monotonic()
        self._is_terminal = sys.stdout.isatty()
        self._said: set[str] = set()

    def follow(self, sender: Sender, url: str, *, stop: threading.Event) -> None:
        """Show how far the estate is sent and judged, until all of it is or `stop` is set."""
        sent_at = float("inf")
        nobody_yet = not _judged(metrics(url))
        while self._reports and not stop.wait(1.0):
            figures = metrics(url)
            judged = min(self._devices, _judged(figures))
            self._show(sender.counts["accepted"] + sender.counts["duplicate"], judged)
            if judged and nobody_yet:
                self._say_once("First devices on the page")
            if not sender.behind:
                self._say_once("All of it sent")
                sent_at = min(sent_at, time.time())
            if judged == self._devices and _caught_up(figures, sent_at):
                self._say_once(f"{judged:,} devices judged")
                break
        for what in ("refused", "refused_sections", "split"):
            if sender.counts[what]:
                self.say(f"The server did not take everything: {what} {sender.counts[what]:,}.")
        if not stop.is_set():
            self.say("Each device goes on reporting at its own pace.")

    def say(self, line: str) -> None:
        """A line that stays."""
        sys.stdout.write(f"\r\x1b[2K{line}\n" if self._is_terminal else f"{line}\n")
        sys.stdout.flush()

    def _say_once(self, what: str) -> None:
        if what not in self._said:
            self._said.add(what)
            self.say(f"{what} after {time.monotonic() - self._began:.0f} s.")

    def _show(self, sent: int, judged: int) -> None:
        whole = self._reports
        done = min(sent, whole)  # what devices report meanwhile comes on top
        rate = done / (time.monotonic() - self._began)
        speed = f", {rate:,.0f}/s, {_minutes((whole - done) / rate)} left" if 0 < done < whole else ""
        counts = f"{done:,} of {whole:,} reports sent{speed}; {judged:,} of {self._devices:,} devices judged"
        if self._is_terminal:
            bar = "█" * (_BAR_CELLS * done // whole)
            width = shutil.get_terminal_size().columns - 1
            # The cursor goes back to where the line begins: the launcher's next line starts there and not behind it.
            sys.stdout.write("\r\x1b[2K" + f"{bar:░<{_BAR_CELLS}} {counts}"[:width] + "\r")
            sys.stdout.flush()
        elif time.monotonic() - self._shown >= _SECONDS_BETWEEN_LINES:
            self._shown = time.monotonic()
            self.say(f"  {100 * done // whole:3} %  {counts}")


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60} min {int(seconds) % 60:02} s"


def _judged(figures: dict[str, float]) -> int:
    verdicts = {name: n for name, n in figures.items() if name.startswith("muster_estate_devices_by_verdict{")}
    return round(sum(number for name, number in verdicts.items() if "not judged" not in name))


def _caught_up(figures: dict[str, float], sent_at: float) -> bool:
    """Whether nothing that was received until `sent_at` waits to be folded or judged."""
    made_at = figures.get("muster_snapshot_timestamp_seconds", 0.0)
    waits_since = made_at - figures.get("muster_oldest_unfolded_seconds", 0.0)
    return waits_since > sent_at and not figures.get("muster_devices_due")
