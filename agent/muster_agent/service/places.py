"""Where the service tells its news: a log file, the Application event log, and the registry. Windows only."""

from __future__ import annotations

import sys

from muster_agent.machine import Machine
from muster_agent.service import NAME
from muster_agent.service.log import Log
from muster_agent.service.news import Event

STATUS = r"SOFTWARE\Muster\Agent"
_TYPES = {"error": 1, "warning": 2, "information": 4}  # EVENTLOG_ERROR_TYPE and so on

if sys.platform == "win32":
    import ctypes
    import winreg
    from contextlib import suppress
    from ctypes import POINTER, c_void_p, c_wchar_p, wintypes

    _advapi = ctypes.WinDLL("advapi32", use_last_error=True, winmode=0x800)
    _advapi.RegisterEventSourceW.argtypes, _advapi.RegisterEventSourceW.restype = (c_wchar_p, c_wchar_p), c_void_p
    _advapi.ReportEventW.argtypes = (
        c_void_p, wintypes.WORD, wintypes.WORD, wintypes.DWORD, c_void_p, wintypes.WORD, wintypes.DWORD,
        POINTER(c_wchar_p), c_void_p,
    )  # fmt: skip
    _advapi.ReportEventW.restype = _advapi.DeregisterEventSource.restype = wintypes.BOOL
    _advapi.DeregisterEventSource.argtypes = (c_void_p,)

    class WindowsPlaces:
        """The three places. None of them can make the service fail."""

        def __init__(self, machine: Machine) -> None:
            """Lines get their instant from `machine`'s clock; they are logged once `log_to` named a file."""
            self._machine = machine
            self._log: Log | None = None

        def log_to(self, path: str) -> None:
            """The file for lines, in a folder that can be trusted."""
            self._log = Log(path)

        def log(self, line: str) -> None:
            """One line for the log."""
            if self._log is not None:
                self._log.write(self._machine.now(), line)

        def report(self, event: Event, line: str) -> None:
            """One entry for the Application log; the source's message file shows its text as it is."""
            source = _advapi.RegisterEventSourceW(None, NAME)
            if source:
                texts = (c_wchar_p * 1)(line)
                _advapi.ReportEventW(source, _TYPES[event.level], 0, event.number, None, 1, 0, texts, None)
                _advapi.DeregisterEventSource(source)

        def status(self, name: str, value: str) -> None:
            """One value for deployment tools."""
            with (
                suppress(OSError),
                winreg.CreateKeyEx(
                    winreg.HKEY_LOCAL_MACHINE, STATUS, 0, winreg.KEY_SET_VALUE | winreg.KEY_WOW64_64KEY
                ) as key,
            ):
                winreg.SetValueEx(key, name, 0, winreg.REG_SZ, value)
