"""The Celery application, and how work is sent to it.

Worker and beat start as `celery -A muster_server.queue`. Web processes send hints only, from one background thread:
a Redis that is gone or frozen must never cost a report its answer. The schedule finds the work without hints.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from muster_server.config import Settings, load_settings

FOLD, JUDGE, SNAPSHOT, RETENTION = "muster.fold", "muster.judge", "muster.snapshot", "muster.retention"
_HINT_SECONDS = 1.0
log = structlog.get_logger()


def make_app(settings: Settings) -> Celery:
    """The Celery application over the settings' Redis. Jobs are idempotent: a lost or doubled message does no harm."""
    socket = {"socket_timeout": 5, "socket_connect_timeout": 5, "socket_keepalive": True}
    celery = Celery("muster", broker=settings.redis_url, include=["muster_server.jobs.tasks"])
    celery.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        worker_pool_start_method="spawn",  # a child forked after Polars was used hangs for good
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=socket,
        timezone="UTC",
    )
    return celery


class Hints:
    """Tells the worker that there is something to do: at most once a second, never blocking whoever asks."""

    def __init__(self, send: Callable[[], None]) -> None:
        """`send` sends one message; it may fail or take its time, in the hint's own thread."""
        self._send = send
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="hints", daemon=True).start()

    def __call__(self) -> None:
        """Ask for a hint soon."""
        self._wanted.set()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            if self._stopped.wait(_HINT_SECONDS):
                return
            self._wanted.clear()
            self._send()


def hints(settings: Settings) -> Hints:
    """Hints to fold, over a connection that gives up after 0.3 s."""
    celery = make_app(settings)
    quick = {"socket_timeout": 0.3, "socket_connect_timeout": 0.3}

    def send() -> None:
        # A connection of its own each time: one a second at most, and a broken one is not kept.
        try:
            with celery.connection_for_write(transport_options=quick) as connection:
                celery.send_task(FOLD, connection=connection, retry=False, expires=30)
        except (OSError, RedisError, OperationalError):
            log.info("No hint could be sent; the schedule will find the work.")

    return Hints(send)


def send(name: str, args: tuple[object, ...] = ()) -> None:
    """Send one task by name, for the command line and for jobs that call the next."""
    app.send_task(name, args=args, expires=300)


app = make_app(load_settings(None, os.environ))
