"""/etc/os-release (os-release(5)): shell-like assignments."""

from __future__ import annotations

from muster_agent.machine import Machine


def read_os_release(machine: Machine) -> dict[str, str]:
    """The assignments of the first of /etc/os-release and /usr/lib/os-release; raises OSError without either."""
    path = "/etc/os-release" if machine.exists("/etc/os-release") else "/usr/lib/os-release"
    return parse_assignments(machine.read(path))


def parse_assignments(text: str) -> dict[str, str]:
    """NAME=value lines, quotes taken off."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and name.isidentifier():
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[name] = value[1:-1] if quoted else value
    return found
