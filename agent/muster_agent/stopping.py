"""How the agent is told to stop: SIGTERM or SIGINT raise Stop wherever it waits, and not in what must stay whole.

Windows' service manager speaks to another thread; from there, `stop` does what a signal does, and `wake` ends a rest.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop(BaseException):
    """Raised in the main thread once the agent was told to stop."""


class Stopping:
    """Turns the first signal into Stop."""

    def __init__(self) -> None:
        self.asked = False
        self._held = False
        self._owed = False
        self._woken = threading.Event()

    def rest(self, seconds: float) -> bool:
        """Wait; gives whether it was woken before the time was over."""
        woken = self._woken.wait(seconds)
        self._woken.clear()
        return woken

    def wake(self) -> None:
        """End a rest, from any thread."""
        self._woken.set()

    def stop(self) -> None:
        """What SIGINT does, from any thread."""
        signal.raise_signal(signal.SIGINT)
        self.wake()  # no signal ends this wait on Windows

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within, a signal raises Stop, which ends the block; after it signals are ignored, for the process ends."""
        for number in _SIGNALS:
            signal.signal(number, self._hear)
        try:
            yield
        except Stop:
            pass
        finally:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within, a signal waits for the end of the block: for steps that are short and belong together."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._owed:
            self._owed = False
            raise Stop

    def _hear(self, _number: int, _frame: object) -> None:
        if self.asked:
            return
        self.asked = True
        if self._held:
            self._owed = True
        else:
            raise Stop
