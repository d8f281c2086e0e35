"""The agent as a process of its own, as its service runs it, with settings from the environment alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.agent.waiting import waiting_in

ROOT = Path(__file__).parents[2]


def environment(state: Path, server_url: str, **settings: Any) -> dict[str, str]:
    """The environment of an agent; `settings` by their names."""
    given = {"state_dir": state, "server_url": server_url, "enrolment_key": "mk_sesame", "sample_seconds": 10}
    values = {f"MUSTER_AGENT_{name.upper()}": str(value) for name, value in {**given, **settings}.items()}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'agent'}:{ROOT}", **values}


def command(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """One command of the agent, to its end."""
    line = [sys.executable, "-m", "muster_agent", *arguments]
    return subprocess.run(line, env=env, capture_output=True, text=True, check=False, timeout=60)


class Running:
    """An agent that runs; what it says goes to a file beside its state."""

    def __init__(self, line: list[str], env: Mapping[str, str]) -> None:
        self._said = Path(f"{env['MUSTER_AGENT_STATE_DIR']}.said")
        with self._said.open("wb") as file:
            self.process = subprocess.Popen(line, env=env, stderr=file)

    @property
    def said(self) -> str:
        return self._said.read_text()

    def wait_until(self, come: Callable[[], object], what: str) -> None:
        """Wait for something that the agent does; fails when it ends or does not do it in half a minute."""
        for _ in range(600):
            if come():
                return
            assert self.process.poll() is None, f"it ended: {self.said}"
            time.sleep(0.05)
        raise AssertionError(f"it did not {what}, but said: {self.said}")

    def wait_until_it_says(self, text: str) -> None:
        self.wait_until(lambda: text in self.said, f"say {text!r}")

    def wait_until_all_is_sent(self, state: Path) -> None:
        """Until the server's answer was read as well, so that nothing is left to send."""
        self.wait_until(lambda: not waiting_in(state / "spool"), "send everything")

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 10.0) -> int:
        """Its exit code; fails when it takes so long that it must have waited for a request or a program to end."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


@contextmanager
def running(env: Mapping[str, str], line: list[str] | None = None) -> Iterator[Running]:
    """A running agent, killed in the end if it still runs."""
    agent = Running(line or [sys.executable, "-m", "muster_agent", "run", "--now"], env)
    try:
        yield agent
    finally:
        if agent.process.poll() is None:
            agent.process.kill()
            agent.process.wait()
