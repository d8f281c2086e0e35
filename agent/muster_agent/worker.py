"""The one daemon thread in which collectors run, so that one that hangs can be left behind.

Enters: calls, one after the other. Leaves: what they give, or HungError when one does not end. Its thread is abandoned
then, and the next call gets a new one; the main thread always stays free to hear that it has to stop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

_SLICE_SECONDS = 0.5  # Windows lets no signal end a wait: between two slices it is heard


class HungError(Exception):
    """A call did not end in time."""


class _Call:
    """A call, and what it gave."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self.over = threading.Event()
        self.given: Any = None

    def run(self) -> None:
        try:
            self.given = self._call()
        finally:
            self.over.set()


class Worker:
    """Runs one call at a time."""

    def __init__(self, patience_seconds: float) -> None:
        self.patience_seconds = patience_seconds
        self.abandoned = 0
        self._calls: SimpleQueue[_Call | None] | None = None

    def run(self, call: Callable[[], Any]) -> Any:
        """What a call gives that raises nothing; raises HungError after `patience_seconds`."""
        calls, waiting = self._calls or self._begin(), _Call(call)
        calls.put(waiting)
        self._calls = None  # until it is over: whoever is told to stop in the middle leaves it behind, too
        ends = time.monotonic() + self.patience_seconds
        while not waiting.over.wait(min(_SLICE_SECONDS, self.patience_seconds)):
            if time.monotonic() >= ends:
                self.abandoned += 1
                calls.put(None)
                raise HungError
        self._calls = calls
        return waiting.given

    def _begin(self) -> SimpleQueue[_Call | None]:
        calls: SimpleQueue[_Call | None] = SimpleQueue()
        threading.Thread(target=_work, args=(calls,), daemon=True).start()
        return calls


def _work(calls: SimpleQueue[_Call | None]) -> None:
    while (call := calls.get()) is not None:
        call.run()
