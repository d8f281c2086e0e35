"""What a device of the system tests stands on: processes tied to the test, a network cable, control groups.

Enters: nothing. Leaves: things that are gone when the test process is, however it ends.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path

_GROUP = "muster-test-"
# Before a command: it is the first of a namespace of processes. All that it starts ends with it, and it with the test.
TIED = ("setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


class Cable:
    """A network between this machine and a process's network namespace, with which it goes."""

    def __init__(self, process: int) -> None:
        """Lay it, with a pair of addresses that nothing here uses."""
        used = subprocess.run(["ip", "-o", "route", "show", "table", "all"], check=True, capture_output=True, text=True)
        while True:
            # 198.18.0.0/15 is for benches between two machines (RFC 2544).
            base = f"198.{18 + secrets.randbelow(2)}.{secrets.randbelow(256)}"
            if f"{base}." not in used.stdout:
                break
        self.outer = f"{base}.1"
        name = f"mt{secrets.token_hex(4)}"
        here, there = ["ip"], ["nsenter", f"--target={process}", "--net", "ip"]
        for where, words in (
            (here, f"link add {name} type veth peer name host0 netns {process}"),
            (here, f"address add {self.outer}/30 dev {name}"),
            (here, f"link set {name} up"),
            (there, f"address add {base}.2/30 dev host0"),
            (there, "link set host0 up"),
            (there, "link set lo up"),
        ):
            subprocess.run([*where, *words.split()], check=True)


def children(process: int) -> list[int]:
    """The processes that a process started."""
    try:
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def name_of(process: int) -> str:
    """What a process is called; empty when it has ended."""
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def own_groups(process: int) -> list[Path]:
    """Put a process into control groups of its own, where systemd keeps units: cgroup v2, and v1's `name=systemd`."""
    made = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options):
            for left in Path(place).glob(f"{_GROUP}*"):  # by a test process that was killed
                if not Path(f"/proc/{left.name.removeprefix(_GROUP)}").exists():
                    remove_group(left)
            group = Path(place) / f"{_GROUP}{process}"
            group.mkdir()
            (group / "cgroup.procs").write_text(str(process))
            made.append(group)
    return made


def remove_group(group: Path) -> None:
    """Give back a group in which nobody is any more."""
    for directory, _, _ in os.walk(group, topdown=False):
        Path(directory).rmdir()
