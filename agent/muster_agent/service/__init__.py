"""The agent as Windows' service manager runs it: one process, LocalSystem, no child.

Enters: what the service manager says, on its own thread. Leaves: an agent that runs in the main thread, a log, event
log entries and a status for deployment tools. Without usable settings or a trustworthy state folder the service still
runs, says what is missing, and looks again every 5 minutes: Group Policy may come later than the installer.
"""

from __future__ import annotations

import os
import sys

from muster_agent import config
from muster_agent.files import InUseError, remove
from muster_agent.service.log import OLDER

NAME = "MusterAgent"
LOG = "agent.log"  # in the state folder, with the one before it


def serve(path: str | None) -> int:
    """What `muster-agent service` does; `path` names a settings file, as --config does. Gives the exit code."""
    if sys.platform == "win32":
        from muster_agent.service.life import Life

        return Life(path).serve()
    else:  # noqa: RET505 - mypy reads each branch for its own platform only
        sys.stderr.write("muster-agent: `service` is how Windows starts the agent; here it is `muster-agent run`.\n")
        return 2


def forget(path: str | None) -> int:
    """What an uninstall runs, as `muster-agent service --forget`: remove all that the agent kept. Gives the exit code.

    Files by their names, and folders only when they are empty: a state_dir that holds other things keeps them.
    """
    from muster_agent.loop import forget as forget_device

    settings = _settings(path)
    try:
        if sys.platform == "win32":
            from muster_agent.service.security import secure

            secure(settings.state_dir)  # nobody else can have led us elsewhere
        forget_device(settings)
        for name in (LOG, LOG + OLDER, "lock"):
            remove(os.path.join(settings.state_dir, name))
        os.rmdir(settings.state_dir)
        if sys.platform == "win32" and settings.state_dir == config.DEFAULT_STATE:
            os.rmdir(os.path.dirname(settings.state_dir))
    except (OSError, InUseError) as error:
        sys.stderr.write(f"muster-agent: Something is left in {settings.state_dir}: {error}\n")
        return 1
    return 0


def _settings(path: str | None) -> config.Settings:
    """Those in force; where they are no good, the defaults, by which nothing was kept elsewhere."""
    try:
        return config.load(path, os.environ)
    except config.SettingsError:
        return config.Settings()
