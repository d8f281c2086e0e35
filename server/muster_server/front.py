"""The front of a web process: one event loop that reads every request and answers posted reports itself.

Enters: RSGI requests from granian. Leaves: answers. A body must arrive within a number of seconds and is read before
anything is answered, so that a slow or broken sender holds no thread. A report waits for its commit as a future: with a
thread each, handing Python's lock around cost as much again as the work. Everything else is Flask's, in threads
(`bridge.py`).
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Generic, TypeVar, cast

import structlog
from flask import Flask

from muster_server.bridge import Bridge
from muster_server.config import Settings
from muster_server.ingest.door import Asked, Door, Opened
from muster_server.ingest.schema import MAX_WIRE_BYTES
from muster_server.ingest.writer import QueueFullError, WriterStoppedError
from muster_server.problems import ProblemError

REPORTS_PATH = "/api/v1/reports"
_MOST_DRAINED_BYTES = 32 * MAX_WIRE_BYTES
_JSON = [("Content-Type", "application/json")]

Awaited = TypeVar("Awaited")
log = structlog.get_logger()


class Front:
    """The RSGI application of one process, over Flask's."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._door: Door = app.extensions["muster_door"]
        self._settings = settings
        self._threads = ThreadPoolExecutor(settings.web_threads, thread_name_prefix="pages")
        self._bridge = Bridge(app)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called by granian once the event loop is there."""
        self._loop = loop
        self._settled = _Settled(loop)
        self._door.writer.on_settled = self._settled.wake
        self._reading: _Deadlines[asyncio.Task[None]] = _Deadlines(
            loop, self._settings.body_seconds, expire=asyncio.Task.cancel
        )
        self._storing: _Deadlines[asyncio.Future[None]] = _Deadlines(
            loop, self._door.writer.wait_seconds, expire=_settle
        )

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer one request."""
        if scope.proto != "http":
            protocol.close(403)  # there are no websockets here
            return
        try:
            wire = await self._read(scope, protocol)
            if scope.path == REPORTS_PATH and scope.method == "POST":
                protocol.response_bytes(202, _JSON, await self._take_reports(scope, wire))
                return
            _refuse_large(wire)
        except ProblemError as problem:
            answer = problem.response()
            protocol.response_bytes(answer.status_code, list(answer.headers), answer.get_data())
        else:
            answer_in_thread = partial(self._bridge.answer, scope, protocol, body=wire, loop=self._loop)
            await self._loop.run_in_executor(self._threads, answer_in_thread)

    async def _read(self, scope: Any, protocol: Any) -> bytes:
        """The body, at most one byte more than the wire may carry; raises ProblemError when it comes too late."""
        declared = scope.headers.get("content-length") or ""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._reading.begin(task)
        try:
            if declared.isdecimal() and int(declared) <= MAX_WIRE_BYTES:
                wire = bytes(await protocol())
            else:
                wire = await _first_of(protocol)
        except asyncio.CancelledError:
            if self._reading.end(task):
                raise  # not ours: the server stops
            task.uncancel()
            log.warning("A body did not arrive in time; its sender is cut off.", address=self._address(scope))
            raise ProblemError(408, "late", detail="The body did not arrive in time: send it again.") from None
        self._reading.end(task)
        return wire

    async def _take_reports(self, scope: Any, wire: bytes) -> bytes:
        headers = scope.headers
        authorization, encoding = headers.get("authorization") or "", headers.get("content-encoding") or ""
        opened = self._door.open(Asked(authorization, encoding, self._address(scope), wire))
        return await self._stored(opened)

    async def _stored(self, opened: Opened) -> bytes:
        future = self._loop.create_future()
        try:
            waiting = self._door.writer.submit(opened.batch, partial(self._settled.put, future))
            self._storing.begin(future)
            await future
            taken = waiting.result()
        except (QueueFullError, WriterStoppedError):
            raise self._door.busy(opened) from None
        finally:
            self._storing.end(future)
        return self._door.answer(opened, taken)

    def _address(self, scope: Any) -> str:
        """The sender's address, as the outermost of the proxies that are ours says."""
        hops = self._settings.proxy_hops
        forwarded = [part.strip() for part in (scope.headers.get("x-forwarded-for") or "").split(",")] if hops else []
        return forwarded[-hops] if len(forwarded) >= hops > 0 else scope.client.rpartition(":")[0]


class _Settled:
    """Futures whose result the writer's thread has; it wakes the loop once for all of a commit."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._futures: deque[asyncio.Future[None]] = deque()

    def put(self, future: asyncio.Future[None]) -> None:
        """Settle a future with the next `wake`."""
        self._futures.append(future)

    def wake(self) -> None:
        """Settle all that was put."""
        if self._futures:
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        while self._futures:
            _settle(self._futures.popleft())


class _Deadlines(Generic[Awaited]):
    """What is waited for, each for the same time; a timer for each would cost ten times as much."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, *, expire: Callable[[Awaited], object]) -> None:
        """`expire` is called with whatever has not ended in time, up to a quarter of it late."""
        self._loop, self._seconds, self._expire = loop, seconds, expire
        self._begun: dict[Awaited, float] = {}  # oldest first
        self._look()

    def begin(self, awaited: Awaited) -> None:
        """Wait for it from now on."""
        self._begun[awaited] = self._loop.time()

    def end(self, awaited: Awaited) -> bool:
        """Wait no longer; gives whether it was in time."""
        return self._begun.pop(awaited, None) is not None

    def _look(self) -> None:
        too_early = self._loop.time() - self._seconds
        for awaited in list(itertools.takewhile(lambda each: self._begun[each] < too_early, self._begun)):
            del self._begun[awaited]
            self._expire(awaited)
        self._loop.call_later(self._seconds / 4, self._look)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def _first_of(protocol: Any) -> bytes:
    """The first bytes of a body that is large, or does not say how large it is.

    The rest is read and thrown away: a sender that is answered in the middle of its body sees its connection break,
    never learns why, and sends the same again.
    """
    pieces: list[bytes] = []
    size = 0
    async for piece in protocol:
        if size <= MAX_WIRE_BYTES:
            pieces.append(piece)
        size += len(piece)
        if size > _MOST_DRAINED_BYTES:
            break
    return b"".join(pieces)[: MAX_WIRE_BYTES + 1]


def _refuse_large(wire: bytes) -> None:
    if len(wire) > MAX_WIRE_BYTES:
        raise ProblemError(413, "too-large", detail=f"The body is over {MAX_WIRE_BYTES:,} bytes.")
