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
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.programs import wait_for
from tests.system.ground import TIED, Cable, children, name_of, own_groups, remove_group

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


class Debian:
    """One Debian. `write` and `run` work on it; `end` it whatever happens."""

    def __init__(self, root: Path, directory: Path, hostname: str, *, shows: Mapping[Path, str]) -> None:
        """Prepare one that has never been booted, in a `directory` of its own.

        `shows` are folders of this machine, and where they are seen inside, read-only.
        """
        self.hostname = hostname
        self._directory = directory
        for name in ("upper", "work", "merged"):
            (directory / name).mkdir(parents=True)
        self.is_booted = False
        self.write("/etc/hostname", f"{hostname}\n")
        self.write("/etc/machine-id", f"{secrets.token_hex(16)}\n")
        layers = f"lowerdir={root},upperdir={directory / 'upper'},workdir={directory / 'work'}"
        nspawn = ["--boot", f"--directory={directory / 'merged'}", f"--machine={hostname}", "--register=no",
                  "--keep-unit", "--console=read-only", "--resolv-conf=off",
                  *(f"--bind-ro={outside}:{inside}" for outside, inside in shows.items())]  # fmt: skip
        argv = [*TIED, "--net", "sh", "-c", _BOOT, "boot", layers, str(directory / "merged"), *nspawn]
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=console, stderr=console)
        assert self._process.stdin is not None
        self._go = self._process.stdin
        self._shell = wait_for("namespace", self._shells)[0]
        self._groups = own_groups(self._shell)
        self._cable = Cable(self._shell)

    @property
    def gateway(self) -> str:
        """The address of this machine that the Debian can reach."""
        return self._cable.outer

    def path(self, inside: str) -> Path:
        """Where a file of the Debian is seen from outside: before the first boot, what was written to it."""
        base = Path(f"/proc/{self._init()}/root") if self.is_booted else self._directory / "upper"
        return base / inside.lstrip("/")

    def write(self, inside: str, text: str, mode: int = 0o644) -> None:
        """Write a file."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def boot(self) -> None:
        """Switch it on. Its start takes its own time: see `wait_until_started`."""
        self._go.close()
        self.is_booted = True
        wait_for("first process", self._init)

    def wait_until_started(self) -> None:
        """Wait until systemd says that the start is over."""
        wait_for(f"end of the start of {self.hostname}", self.is_started)

    def reboot(self, *options: str) -> None:
        """Restart it in order, as a person would unless `options` say otherwise; wait until the new start is over."""
        before = self._init()
        self.run("systemctl", "reboot", *options, check=False)  # its connection ends with it
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
        if self._process.poll() is None:
            os.kill(self._shell, signal.SIGKILL)  # the first of its processes: none of them outlives it
        self._process.wait(30)
        self._go.close()
        for group in self._groups:
            remove_group(group)
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def _console(self) -> Path:
        return self._directory / "console"

    def _shells(self) -> list[int]:
        assert self._process.poll() is None, f"{self.hostname} ended:\n{self._console.read_text(errors='replace')}"
        return children(self._process.pid)

    def _init(self) -> int:
        """The process outside that is number 1 inside; 0 between two starts."""
        inits = [child for shell in self._shells() for nspawn in children(shell) for child in children(nspawn)]
        return next((child for child in inits if name_of(child) == "systemd"), 0)

    def is_started(self) -> bool:
        """Whether the running start is over."""
        shown = self.run("systemctl", "show", "-pFinishTimestampMonotonic", "--value", check=False)
        return shown.returncode == 0 and shown.stdout.strip() not in ("", "0")
