"""How long people wait from their credentials to a desktop; never who they are. Absent where no log times that."""

from __future__ import annotations

from typing import Any

from muster_agent.machine import Machine


def collect(machine: Machine) -> list[dict[str, Any]] | None:
    """The section `sign_ins` with what is new."""
    if machine.system == "windows":
        from muster_agent.sources.windows.sign_ins import read_sign_ins

        return read_sign_ins(machine)
    if machine.system == "macos":
        return None  # nothing there tells when credentials were accepted
    from muster_agent.sources.logind import read_sign_ins as read_of_logind

    return read_of_logind(machine)
