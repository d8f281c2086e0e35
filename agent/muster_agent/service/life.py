"""One run of the service: it reports for duty, waits until it may work, runs the agent, and ends within 2 seconds.

Windows only.
"""

from __future__ import annotations

import os
import sys

from muster_agent import __version__, config, enrolment
from muster_agent.files import InUseError
from muster_agent.machine import Machine
from muster_agent.stopping import Stopping

if sys.platform == "win32":
    import ctypes
    from types import TracebackType
    from typing import TYPE_CHECKING

    from muster_agent.service import LOG
    from muster_agent.service.manager import Manager
    from muster_agent.service.news import News
    from muster_agent.service.places import WindowsPlaces
    from muster_agent.service.security import secure

    if TYPE_CHECKING:
        from muster_agent.loop import Agent

    _LOOK_AGAIN_SECONDS = 300.0
    _AGAIN = 1  # the exit code after which the service manager starts the service again
    _SYSTEM_AND_APPLICATION_FOLDERS = 0x800 | 0x200

    class Life:
        """What `muster-agent service` does."""

        def __init__(self, path: str | None) -> None:
            """`path` names a settings file; None: the registry's."""
            self._path = path
            self._state_dir = config.DEFAULT_STATE
            self._stopping = Stopping()
            self._machine = Machine()
            self._places = WindowsPlaces(self._machine)
            self._news = News(self._places, self._device_id)
            self._manager = Manager(self._stopping.stop, self._stopping.wake, heard=lambda: self._stopping.asked)

        def serve(self) -> int:
            """Serve until told to stop; gives the exit code."""
            _load_from_trusted_folders_alone()
            sys.excepthook = self._failed
            code = _AGAIN
            with self._stopping.listening():
                try:
                    self._manager.begin()
                except OSError:
                    sys.stderr.write("muster-agent: Windows starts the service: say `sc start MusterAgent`.\n")
                    return 1
                self._places.status("Version", __version__)
                self._work()
            if self._stopping.asked:
                code = 0
                self._news.tell("stopped", "Stopped.")
            self._manager.end(code)
            return code

        def _work(self) -> None:
            """Run the agent, once it can be; it ends when told to stop, or to begin anew in another process."""
            while not self._stopping.asked:
                try:
                    agent = self._agent()
                except (config.SettingsError, InUseError, ValueError) as error:
                    self._news.tell("not-ready", str(error))
                except OSError as error:
                    self._news.tell("not-ready", f"{error.filename or self._state_dir}: {error.strerror or error}.")
                else:
                    agent.run(now=False)
                    return
                self._stopping.rest(_LOOK_AGAIN_SECONDS)

        def _agent(self) -> Agent:
            from muster_agent.loop import Agent

            settings = self._ready()
            self._news.began()
            return Agent(settings, self._machine, stopping=self._stopping, tell=self._news.tell)

        def _ready(self) -> config.Settings:
            """The settings, with a state folder that can be trusted."""
            settings = config.load(self._path, os.environ)
            self._state_dir = settings.state_dir
            mended = secure(settings.state_dir)
            self._places.log_to(os.path.join(settings.state_dir, LOG))
            for line in mended:
                self._news.tell("folder", line)
            if not settings.server_url:
                raise config.SettingsError("server_url is not set: install with SERVER_URL, or set it by Group Policy.")
            return settings

        def _failed(self, _kind: type[BaseException], error: BaseException, *_trace: TracebackType | None) -> None:
            import traceback  # nobody should ever need it

            self._news.tell("failed", "".join(traceback.format_exception(error)))

        def _device_id(self) -> str | None:
            found = enrolment.load(self._state_dir)
            return found.device_id if found else None

    def _load_from_trusted_folders_alone() -> None:
        """From now on no library comes from the current folder or PATH."""
        kernel = ctypes.WinDLL("kernel32", winmode=0x800)
        kernel.SetDefaultDllDirectories(_SYSTEM_AND_APPLICATION_FOLDERS)
        kernel.SetDllDirectoryW("")
