"""The one thread of a process that commits reports.

Enters: batches from the event loop or from threads. Leaves: their results, once the transaction that holds them is on
disk. It commits whatever is queued, at most 500 reports, as soon as the last commit ends, and never waits for company:
waiting 10 ms was measured to cost five sixths of the throughput. When the queue is full the caller is told at once,
from memory. When the thread dies, all who wait fail, readiness turns false and the process ends. A store that neither
commits nor refuses costs a caller a limited time; what is stored after that is told to the device as a duplicate when
it sends it again.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable

import structlog
from sqlalchemy.exc import DBAPIError, OperationalError

from muster_server.db import Database
from muster_server.store.reports import Batch, Taken, take_batches

MAX_COMMIT_REPORTS = 500
MAX_QUEUED_REPORTS = 5_000
_LONGEST_WAIT_SECONDS = 20.0

log = structlog.get_logger()


class QueueFullError(Exception):
    """More reports wait than may; the device should come back later."""


class WriterStoppedError(Exception):
    """The writer has ended, or the store refused the commit or did not answer: the device must send it again."""


class Waiting:
    """A batch that waits for its commit."""

    __slots__ = ("_settled", "answered", "batch", "stored", "taken")

    def __init__(self, batch: Batch, settled: Callable[[], None]) -> None:
        self.batch = batch
        self.taken: Taken | None = None
        self.stored = self.answered = False
        self._settled = settled

    def result(self) -> Taken | None:
        """What became of the batch, None when the store knows no such device; raises WriterStoppedError."""
        if not self.stored:
            raise WriterStoppedError
        return self.taken

    def answer(self, taken: Taken | None = None, *, stored: bool) -> None:
        """Say what became of it, once."""
        if not self.answered:
            self.taken, self.stored, self.answered = taken, stored, True
            self._settled()


class Writer:
    """Group commit: `submit` queues a batch, `take` also waits until it is on disk."""

    def __init__(
        self,
        database: Database,
        *,
        on_commit: Callable[[], None],
        on_death: Callable[[], None],
        wait_seconds: float = _LONGEST_WAIT_SECONDS,
    ) -> None:
        """`on_commit` is called after each commit and must not block; `on_death` when the thread fails.

        `wait_seconds` is how long a caller waits for the store at most.
        """
        self._database = database
        self.wait_seconds = wait_seconds
        self._on_commit = on_commit
        self.on_settled: Callable[[], None] = lambda: None  # called after each group, when all its results are there
        self._on_death = on_death
        self._queue: deque[Waiting] = deque()
        self._queued_reports = 0
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether reports can be taken."""
        return self._thread.is_alive() and not self._stopping

    @property
    def queued_reports(self) -> int:
        """Reports that wait for a commit now."""
        return self._queued_reports

    def submit(self, batch: Batch, settled: Callable[[], None]) -> Waiting:
        """Queue a batch; `settled` is called in the writer's thread once its result is there, and must not block.

        Raises QueueFullError or WriterStoppedError.
        """
        waiting = Waiting(batch, settled)
        with self._wake:
            if not self.alive:
                raise WriterStoppedError
            if self._queued_reports + len(batch.reports) > MAX_QUEUED_REPORTS:
                raise QueueFullError
            self._queue.append(waiting)
            self._queued_reports += len(batch.reports)
            self._wake.notify()
        return waiting

    def take(self, batch: Batch) -> Taken | None:
        """Store a batch with fsync and say what became of it; None when the store knows no such device.

        Blocks. Raises QueueFullError or WriterStoppedError.
        """
        done = threading.Event()
        waiting = self.submit(batch, done.set)
        done.wait(self.wait_seconds)
        return waiting.result()

    def stop(self) -> None:
        """Commit what is queued, then end the thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(10)

    def _run(self) -> None:
        died = True
        group: list[Waiting] = []
        try:
            while group := self._next_group():
                self._commit(group)
            died = False
        finally:
            with self._wake:
                self._stopping = True
                waiting = [*group, *self._queue]
                self._queue.clear()
            for one in waiting:
                one.answer(stored=False)
            self.on_settled()
            if died:
                self._on_death()

    def _next_group(self) -> list[Waiting]:
        with self._wake:
            while not self._queue and not self._stopping:
                self._wake.wait()
            group: list[Waiting] = []
            size = 0
            while self._queue and (not group or size + len(self._queue[0].batch.reports) <= MAX_COMMIT_REPORTS):
                group.append(self._queue.popleft())
                size += len(group[-1].batch.reports)
            self._queued_reports -= size
            return group

    def _commit(self, group: list[Waiting]) -> None:
        try:
            with self._database.write() as connection:
                results = take_batches(connection, [waiting.batch for waiting in group])
        except OperationalError as error:  # the store is away or full: all of them may come back
            self._refuse(group, error)
        except DBAPIError as error:  # one batch spoils the others: alone, each tells for itself
            if len(group) > 1:
                for one in group:
                    self._commit([one])
            else:
                self._refuse(group, error)
        else:
            for waiting, taken in zip(group, results, strict=True):
                waiting.answer(taken, stored=True)
            self.on_settled()
            self._on_commit()

    def _refuse(self, group: list[Waiting], error: DBAPIError) -> None:
        log.error("The store refused a commit.", error=str(error.orig)[:300])
        for waiting in group:
            waiting.answer(stored=False)
        self.on_settled()


def end_process() -> None:
    """End this process in order, so that whoever supervises it starts another."""
    os.kill(os.getpid(), signal.SIGTERM)
