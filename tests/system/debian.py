"""A Debian that boots: an overlay on the cached root in systemd-nspawn, with network, processes and mounts of its own.

Enters: a root folder (`rootfs`), a directory to write to. Leaves: a booted system in which commands run as root, as
after logging in on its console. All that is made for it hangs on one process: when that ends, or the test process dies,
the kernel takes the rest back.

Works without a systemd outside: nspawn does not register, and gets control groups of its own.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")
_BOOT_SECONDS = 90.0
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Waits for the network that only a process outside can bring in, then boots; 133 is nspawn's word for a reboot.
_BOOT = """
read -r _
mount -t overlay overlay -o "$1" "$2"
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
shift 2
while systemd-nspawn "$@"; [ $? = 133 ]; do :; done
"""


def wait_for(what: str, happened: Callable[[], Found], seconds: float = _BOOT_SECONDS) -> Found:
    """The first true value of `happened`; fails the test when there was none within `seconds`."""
    ends = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < ends, f"within {seconds:.0f} s there was no {what}"
        time.sleep(0.1)
    return found


class Debian:
    """One Debian. `write` and `run` work on it; `end` it whatever happens."""

    def __init__(self, root: Path, directory: Path, hostname: str) -> None:
        """Prepare one that has never been booted; `directory` is its own."""
        self.hostname = hostname
        self._root = root
        self._directory = directory
        self._upper = directory / "upper"
        for name in ("upper", "work", "merged"):
            (directory / name).mkdir(parents=True)
        self._binds: list[str] = []
        self._network = Network()
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: list[Path] = []
        self.write("/etc/hostname", f"{hostname}\n")
        self.write("/etc/machine-id", f"{secrets.token_hex(16)}\n")

    @property
    def gateway(self) -> str:
        """The address of this machine that the Debian can reach."""
        return self._network.outer

    def path(self, inside: str) -> Path:
        """Where a file of the Debian is seen from outside: before the first boot, what was written to it."""
        base = self._upper if self._process is None else Path(f"/proc/{self._init()}/root")
        return base / inside.lstrip("/")

    def write(self, inside: str, text: str, mode: int = 0o644) -> None:
        """Write a file."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def bind(self, outside: Path, inside: str) -> None:
        """Show a folder of this machine read-only inside, from the next boot on."""
        self._binds.append(f"--bind-ro={outside}:{inside}")

    def boot(self) -> None:
        """Switch it on. Its start takes its own time: see `wait_until_started`."""
        merged = self._directory / "merged"
        layers = f"lowerdir={self._root},upperdir={self._upper},workdir={self._directory / 'work'}"
        nspawn = ["-bD", str(merged), f"--machine={self.hostname}", "--register=no", "--keep-unit",
                  "--console=read-only", "--resolv-conf=off", *self._binds]  # fmt: skip
        own = ["unshare", "--mount", "--mount-proc", "--net", "--pid", "--fork", "--kill-child"]
        argv = ["setpriv", "--pdeathsig", "KILL", *own, "sh", "-c", _BOOT, "boot", layers, str(merged), *nspawn]
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=console, stderr=console)
        shell = wait_for("namespace", self._shells)[0]
        self._groups = _own_groups(f"muster-test-{shell}", shell)
        self._network.give_to(shell)
        assert self._process.stdin is not None
        self._process.stdin.close()

    def wait_until_started(self) -> None:
        """Wait until systemd says that the start is over."""
        wait_for(f"end of the start of {self.hostname}", self.is_started)

    def reboot(self) -> None:
        """Restart it in order, as a person would, and wait until the new start is over."""
        before = self._init()
        self.run("systemctl", "reboot", check=False)  # its connection ends with it
        wait_for("new start", lambda: self._init() not in (0, before))
        self.wait_until_started()

    def run(self, *argv: str, check: bool = True, user: str = "root") -> subprocess.CompletedProcess[str]:
        """Run a command inside; raises CalledProcessError when it fails, unless `check` is False."""
        enter = ["nsenter", f"--target={self._init()}", "--all", "env", "-i", _PATH, "HOME=/root"]
        as_user = [] if user == "root" else ["runuser", "-u", user, "--"]
        return subprocess.run([*enter, *as_user, *argv], check=check, capture_output=True, text=True, timeout=60)

    def show(self, unit: str, name: str) -> str:
        """One property of a unit, or of the manager when `unit` is empty."""
        named = [unit] if unit else []
        return self.run("systemctl", "show", *named, f"-p{name}", "--value").stdout.strip()

    def journal(self, *options: str) -> str:
        """The journal of all its starts; the console's text when it cannot be asked."""
        try:
            return self.run("journalctl", "--no-pager", "--output=short-precise", *options).stdout
        except (OSError, subprocess.SubprocessError) as error:
            return f"(no journal: {error})\n{self._console.read_text(errors='replace')[-4_000:]}"

    def end(self) -> None:
        """Switch it off at once, and give back what was made for it."""
        if self._process is not None:
            for shell in _children(self._process.pid):
                os.kill(shell, signal.SIGKILL)  # the init of its process ids: nobody in there outlives it
            self._process.wait(30)
        for group in self._groups:
            _remove_group(group)
        self._network.end()
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def _console(self) -> Path:
        return self._directory / "console"

    def _shells(self) -> list[int]:
        """The process that is number 1 of all that hangs on this Debian; empty until it has begun."""
        assert self._process is not None, f"{self.hostname} was not booted"
        assert self._process.poll() is None, f"{self.hostname} ended:\n{self._console.read_text(errors='replace')}"
        return _children(self._process.pid)

    def _init(self) -> int:
        """The process outside that is number 1 inside; 0 between two starts."""
        nspawns = [child for shell in self._shells() for child in _children(shell)]
        inits = [child for nspawn in nspawns for child in _children(nspawn) if _name(child) == "systemd"]
        return inits[0] if inits else 0

    def is_started(self) -> bool:
        """Whether the running start is over."""
        shown = self.run("systemctl", "show", "-pFinishTimestampMonotonic", "--value", check=False)
        return shown.returncode == 0 and shown.stdout.strip() not in ("", "0")


class Network:
    """A cable between this machine and one Debian, whose end is there before it boots."""

    def __init__(self) -> None:
        """Lay it, with a pair of addresses that nothing here uses."""
        used = subprocess.run(["ip", "-o", "route", "show", "table", "all"], check=True, capture_output=True, text=True)
        while True:
            # 198.18.0.0/15 is for benches between two machines (RFC 2544).
            base = f"198.{18 + secrets.randbelow(2)}.{secrets.randbelow(256)}"
            if f"{base}." not in used.stdout:
                break
        self.outer, self._inner = f"{base}.1", f"{base}.2"
        self._name = f"mt{secrets.token_hex(4)}"
        _ip("link", "add", self._name, "type", "veth", "peer", "name", f"{self._name}i")
        _ip("address", "add", f"{self.outer}/30", "dev", self._name)
        _ip("link", "set", self._name, "up")

    def give_to(self, process: int) -> None:
        """Put the other end into a process's network namespace."""
        _ip("link", "set", f"{self._name}i", "netns", str(process), "name", "host0")
        inside = ["nsenter", f"--target={process}", "--net", "ip"]
        for words in ("link set lo up", f"address add {self._inner}/30 dev host0", "link set host0 up"):
            subprocess.run([*inside, *words.split()], check=True)

    def end(self) -> None:
        """Take it away, if it did not go with the Debian."""
        subprocess.run(["ip", "link", "delete", self._name], check=False, capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _children(process: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _name(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _own_groups(name: str, process: int) -> list[Path]:
    """Put a process into control groups of its own, where systemd keeps units: cgroup v2, and v1's `name=systemd`."""
    made = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options):
            group = Path(place) / name
            group.mkdir()
            (group / "cgroup.procs").write_text(str(process))
            made.append(group)
    return made


def _remove_group(group: Path) -> None:
    for directory, _, _ in os.walk(group, topdown=False):
        Path(directory).rmdir()
