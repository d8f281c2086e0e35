"""Stopping: a signal ends what waits, not what must stay whole, and a second one changes nothing."""

from __future__ import annotations

import subprocess
import sys

from tests.agent.process import ROOT

BEGIN = """
import os, signal, time
from muster_agent.stopping import Stopping
def tell(number): os.kill(os.getpid(), number)
stopping = Stopping()
"""


def printed(code: str) -> list[str]:
    env = {"PYTHONPATH": str(ROOT / "agent")}
    done = subprocess.run([sys.executable, "-c", BEGIN + code], env=env, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_wait_ends_at_once_and_later_signals_are_ignored() -> None:
    code = """
with stopping.listening():
    tell(signal.SIGTERM)
    time.sleep(60)
    print("never")
tell(signal.SIGTERM)
tell(signal.SIGINT)
print("goes-on", stopping.asked)
"""
    assert printed(code) == ["goes-on", "True"]


def test_what_belongs_together_is_ended_first() -> None:
    code = """
with stopping.listening():
    with stopping.held():
        tell(signal.SIGINT)
        tell(signal.SIGTERM)
        print("whole")
    print("never")
with stopping.held():
    print("and-after-it")
"""
    assert printed(code) == ["whole", "and-after-it"]


def test_unasked_nothing_stops() -> None:
    code = """
with stopping.listening():
    with stopping.held():
        print("one")
    print("two", stopping.asked)
"""
    assert printed(code) == ["one", "two", "False"]
