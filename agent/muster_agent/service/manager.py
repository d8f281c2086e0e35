"""The service manager's side: control codes, statuses, and the thread on which they come. Windows only, but for `told`.

StartServiceCtrlDispatcherW keeps its own thread; the agent keeps the main one, where Python hears signals.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Literal

from muster_agent.service import NAME

STOPPED, START_PENDING, STOP_PENDING, RUNNING = 1, 2, 3, 4
ACCEPTED = 0x1 | 0x4 | 0x40  # SERVICE_ACCEPT_STOP, _SHUTDOWN, _POWEREVENT
STOP_SECONDS = 1.6  # then the process ends, whatever it waits for: within the 2 s that were promised
_SLOW_DISK_SECONDS = 8.0  # more, when it has begun to end and only the disk is slow
_STOP, _INTERROGATE, _SHUTDOWN, _POWER = 1, 4, 5, 13
_RESUMED = (0x7, 0x12)  # PBT_APMRESUMESUSPEND, PBT_APMRESUMEAUTOMATIC
_NO_ERROR, _NOT_IMPLEMENTED = 0, 120

Wish = Literal["stop", "wake", "nothing", "unknown"]


def told(control: int, event: int) -> Wish:
    """What a control code, with its event, asks of the service."""
    if control in (_STOP, _SHUTDOWN):
        return "stop"
    if control == _POWER:
        return "wake" if event in _RESUMED else "nothing"
    return "nothing" if control == _INTERROGATE else "unknown"


if sys.platform == "win32":
    import ctypes
    from ctypes import POINTER, byref, c_void_p, c_wchar_p, wintypes

    _OWN_PROCESS = 0x10
    _OWN_CODE = 1066  # ERROR_SERVICE_SPECIFIC_ERROR

    class _Status(ctypes.Structure):  # SERVICE_STATUS
        _fields_ = tuple(
            (name, wintypes.DWORD)
            for name in ("kind", "state", "accepted", "exit_code", "own_code", "checkpoint", "hint_ms")
        )

    _main = ctypes.WINFUNCTYPE(None, wintypes.DWORD, POINTER(c_wchar_p))
    _handler = ctypes.WINFUNCTYPE(wintypes.DWORD, wintypes.DWORD, wintypes.DWORD, c_void_p, c_void_p)

    class _Entry(ctypes.Structure):  # SERVICE_TABLE_ENTRYW
        _fields_ = (("name", c_wchar_p), ("main", _main))

    _advapi = ctypes.WinDLL("advapi32", use_last_error=True, winmode=0x800)
    _advapi.StartServiceCtrlDispatcherW.argtypes = (POINTER(_Entry),)
    _advapi.RegisterServiceCtrlHandlerExW.argtypes = (c_wchar_p, _handler, c_void_p)
    _advapi.RegisterServiceCtrlHandlerExW.restype = wintypes.HANDLE
    _advapi.SetServiceStatus.argtypes = (wintypes.HANDLE, POINTER(_Status))
    _advapi.StartServiceCtrlDispatcherW.restype = _advapi.SetServiceStatus.restype = wintypes.BOOL

    class Manager:
        """One service of this process."""

        def __init__(self, stop: Callable[[], None], wake: Callable[[], None], *, heard: Callable[[], bool]) -> None:
            """`stop` and `wake` are called on the service manager's thread, and return at once.

            `heard` says whether the main thread knows that it is to stop.
            """
            self._wishes, self._heard = {"stop": stop, "wake": wake}, heard
            self._begun, self._asked, self._done = threading.Event(), threading.Event(), threading.Event()
            self._error = self._exit_code = 0
            self._handle: int | None = None
            # Kept for as long as Windows may call them.
            self._main, self._handler = _main(self._serve), _handler(self._hear)
            self._thread = threading.Thread(target=self._dispatch, daemon=True)

        def begin(self) -> None:
            """Report for duty; raises OSError when the service manager did not start this process."""
            self._thread.start()
            self._begun.wait()
            if self._error:
                raise ctypes.WinError(self._error)

        def end(self, exit_code: int) -> None:
            """The service's work is done; after another code than 0 the service manager starts it again."""
            self._exit_code = exit_code
            self._done.set()
            self._asked.set()
            self._thread.join(STOP_SECONDS)

        def _dispatch(self) -> None:
            table = (_Entry * 2)(_Entry(NAME, self._main), _Entry(None, _main(0)))
            if not _advapi.StartServiceCtrlDispatcherW(table):
                self._error = ctypes.get_last_error()
            self._begun.set()

        def _serve(self, _count: int, _arguments: object) -> None:
            self._handle = _advapi.RegisterServiceCtrlHandlerExW(NAME, self._handler, None)
            self._say(RUNNING)
            self._begun.set()
            self._asked.wait()
            done = self._done.wait(STOP_SECONDS) or (self._heard() and self._done.wait(_SLOW_DISK_SECONDS))
            self._say(STOPPED)
            if not done:
                os._exit(0)  # a call of the system does not come back, and nothing ends it sooner

        def _hear(self, control: int, event: int, *_more: object) -> int:
            wish = told(control, event)
            if wish == "stop":
                self._say(STOP_PENDING)
                self._asked.set()
            if wish in self._wishes:
                self._wishes[wish]()
            return _NOT_IMPLEMENTED if wish == "unknown" else _NO_ERROR

        def _say(self, state: int) -> None:
            accepted = ACCEPTED if state == RUNNING else 0
            hint_ms = 10_000 if state == STOP_PENDING else 0
            code = self._exit_code if state == STOPPED else 0
            status = _Status(_OWN_PROCESS, state, accepted, _OWN_CODE if code else 0, code, 0, hint_ms)
            _advapi.SetServiceStatus(self._handle, byref(status))
