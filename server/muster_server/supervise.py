"""Child processes that belong to the launcher: started, watched, started again, ended together.

Enters: commands. Leaves: lines for a person. A child dies with its launcher, even when that is killed: the kernel sends
it SIGTERM when its parent is gone.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LONGEST_WAIT_SECONDS = 30.0
_MOST_LAST_BYTES = 2_000
_STEADY_SECONDS = 60.0  # a child that lived this long starts its backoff anew
_libc = ctypes.CDLL(None)


@dataclass
class Child:
    """One process to keep running (`once`: to run and not start again)."""

    name: str
    command: list[str]
    log: Path
    environment: Mapping[str, str]
    once: bool = False
    shown: bool = False  # its output goes to the launcher's own
    needed: bool = False  # by the others, which end before it
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait_seconds: float = 1.0
    again_at: float | None = field(default=None)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process in a group of its own, so that Ctrl-C reaches the launcher alone."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=None if self.shown else log,
                stderr=subprocess.STDOUT if not self.shown else None,
                env=dict(self.environment),
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, in a process of one thread
                process_group=0,
            )
        self.started = time.monotonic()
        self.again_at = None


class Family:
    """All children of one launcher."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._children: list[Child] = []

    def start(self, child: Child) -> None:
        """Start a child and keep it; raises OSError."""
        self._children.append(child)
        child.start()

    def tend(self) -> None:
        """Name each child that died, and start it again when its wait is over."""
        now = time.monotonic()
        for child in self._children:
            if child.process is None or child.alive:
                continue
            if child.again_at is None:
                self._note_death(child, child.process.returncode)
            elif now >= child.again_at and not child.once:
                self._start_again(child)

    def end(self, seconds: float = 7.0) -> None:
        """End all, those that the others need last; kill whoever is still there after `seconds`."""
        killed = _end_together([child for child in self._children if not child.needed], seconds)
        killed += _end_together([child for child in self._children if child.needed], 2.0)
        for child in killed:
            self._say(f"{child.name} did not end and was killed.")

    def _note_death(self, child: Child, code: int) -> None:
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}{_last_line(child)}"
        if child.once:
            child.again_at = float("inf")
            self._say(f"{child.name} {how}.")
            return
        if time.monotonic() - child.started > _STEADY_SECONDS:
            child.wait_seconds = 1.0
        _signal(child, signal.SIGKILL)  # what it left in its group
        self._wait(child, how)

    def _start_again(self, child: Child) -> None:
        try:
            child.start()
        except OSError as error:
            self._wait(child, f"cannot be started ({error.strerror})")
        else:
            self._say(f"{child.name} was started again (pid {child.process.pid if child.process else 0}).")

    def _wait(self, child: Child, how: str) -> None:
        self._say(f"{child.name} {how}; starting it again in {child.wait_seconds:g} s. Its log: {child.log}")
        child.again_at = time.monotonic() + child.wait_seconds
        child.wait_seconds = min(2 * child.wait_seconds, _LONGEST_WAIT_SECONDS)


def _end_together(children: list[Child], seconds: float) -> list[Child]:
    """End children, the last started first; gives those that had to be killed after `seconds`."""
    ends = time.monotonic() + seconds
    killed = []
    for child in reversed(children):
        _signal(child, signal.SIGTERM)
    for child in reversed(children):
        if child.process is None:
            continue
        try:
            child.process.wait(max(0.1, ends - time.monotonic()))
        except subprocess.TimeoutExpired:
            killed.append(child)
        _signal(child, signal.SIGKILL)
        child.process.wait()
    return killed


def _last_line(child: Child) -> str:
    """What the child said last, in brackets: mostly the reason."""
    if child.shown:
        return ""
    with child.log.open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - _MOST_LAST_BYTES))
        lines = log.read().decode(errors="replace").split("\n")
    return next((f" ({line.strip()[:200]})" for line in reversed(lines) if line.strip()), "")


def _signal(child: Child, number: signal.Signals) -> None:
    """Signal the child's whole group, which may be gone already."""
    if child.process is None:
        return
    try:
        os.killpg(child.process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
