"""The agent as Windows' service manager runs it: one process, LocalSystem, no child.

Enters: what the service manager says, on its own thread. Leaves: an agent that runs in the main thread, a log, event
log entries and a status for deployment tools. Without usable settings or a trustworthy state folder the service still
runs, says what is missing, and looks again every 5 minutes: Group Policy may come later than the installer.
"""

from __future__ import annotations

import sys

NAME = "MusterAgent"


def serve(path: str | None) -> int:
    """What `muster-agent service` does; `path` names a settings file, as --config does. Gives the exit code."""
    if sys.platform == "win32":
        from muster_agent.service.life import Life

        return Life(path).serve()
    else:  # noqa: RET505 - mypy reads each branch for its own platform only
        sys.stderr.write("muster-agent: `service` is how Windows starts the agent; here it is `muster-agent run`.\n")
        return 2
