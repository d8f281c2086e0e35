"""Serves the application with granian: an event loop a process, and threads for pages."""

from __future__ import annotations

import os
import sys
from contextlib import closing, suppress

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from muster_server import create_app
from muster_server.config import Settings, load_settings
from muster_server.db import Database
from muster_server.front import Front
from muster_server.listening import usable_host
from muster_server.queue import hints
from muster_server.store.migrate import check_migrated

_STOP_SECONDS = 5  # a request that takes longer than this when the server is to end is given up


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Worker processes read the same settings from the environment.

    Raises StoreUnavailableError or AddressError: a process that could never serve is not started over and over.
    """
    with closing(Database(settings.store_url)) as database:
        check_migrated(database)
    _let_threads_finish()
    Server(
        "muster_server.serve:application",
        factory=True,
        interface=Interfaces.RSGI,
        address=usable_host(settings),
        port=settings.port,
        workers=settings.web_processes,
        backlog=2_048,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
        log_access=False,
        log_level=LogLevels(settings.log_level),
    ).serve()


def _let_threads_finish() -> None:
    """Do not let a thread that wakes push the one aside that woke it, here and in the worker processes.

    On a busy core the event loop was pushed aside at every answer (measured: 202 microseconds a report, 168 so).
    """
    if sys.platform == "linux":
        with suppress(PermissionError):  # a container or a service may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def application() -> Front:
    """The application of one worker process."""
    settings = load_settings(None, os.environ)
    return Front(create_app(settings, on_commit=hints(settings) if settings.redis_url else None), settings)
