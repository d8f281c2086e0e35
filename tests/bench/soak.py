"""The property and fault tests over and over, each round with a new seed, until time is up or one fails.

`python -m tests.bench.soak --minutes 60`. One line a round, after which the parsers are fuzzed (`fuzz.py`). A failure
ends it and is followed by the command that plays the same round again. The seed chooses Hypothesis's examples, the
order of the tests and the chance inside fault tests.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.bench import fuzz
from tests.bench.harness import ROOT

# Tests that kill, freeze, fill up or starve something, by their names; property tests are found by what they import.
FAULTS = ("*fault*", "kill*", "*bad_disks", "*writer", "held_up", "hostile*")
_PROPERTY = "from hypothesis import"


class Round(NamedTuple):
    """What came of one round: pytest's exit code, what it said, and its last line."""

    code: int
    said: str
    seconds: float

    @property
    def line(self) -> str:
        """The counts, as pytest gives them."""
        found = re.findall(r"^=* ?(\d+ \w+.*?) in [\d.:]+ ?s", self.said, re.MULTILINE)
        return found[-1] if found else f"exit code {self.code}"


def main() -> None:
    """Play rounds; ends with 1 at the first that fails."""
    parser = argparse.ArgumentParser(description="Property and fault tests with new seeds, round after round")
    parser.add_argument("--minutes", type=float, default=60, help="no round is begun later; default 60")
    parser.add_argument("--rounds", type=int, default=10**9, help="at most; default: as many as there is time for")
    parser.add_argument("--seed", type=int, help="of the first round; default: chance")
    parser.add_argument("--fuzz", type=int, default=20, help="seconds for each parser after a round; default 20")
    parser.add_argument("tests", nargs="*", help="files; default: every property and fault test")
    options = parser.parse_args()
    chosen = options.tests or found()
    print(f"{len(chosen)} files of tests: {', '.join(Path(name).stem for name in chosen)}", flush=True)
    ends = time.monotonic() + 60 * options.minutes
    seed, played = options.seed or secrets.randbelow(10**6), 0
    while played < options.rounds and time.monotonic() < ends:
        played += 1
        done = play(chosen, seed)
        print(f"round {played}, seed {seed}: {done.line} in {done.seconds:.0f} s", flush=True)
        if done.code:
            print(f"{done.said}\nTo play it again:\n  {_shown(chosen, seed)}")
            sys.exit(1)
        if options.fuzz and fuzz.main(["--seconds", str(options.fuzz)]):
            sys.exit(1)
        seed = secrets.randbelow(10**6)


def found() -> list[str]:
    """The files of property and fault tests, by name."""
    properties = [path for path in ROOT.glob("tests/**/test_*.py") if _PROPERTY in path.read_text("utf-8")]
    faults = [path for pattern in FAULTS for path in ROOT.glob(f"tests/**/test_{pattern}.py")]
    return sorted({str(path.relative_to(ROOT)) for path in (*properties, *faults) if path.parent.name != "bench"})


def play(tests: list[str], seed: int) -> Round:
    """One round of the given files."""
    begun = time.monotonic()
    environment = {**os.environ, "MUSTER_TEST_SEED": str(seed)}
    done = subprocess.run(_command(tests, seed), cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return Round(done.returncode, done.stdout + done.stderr, time.monotonic() - begun)


def _command(tests: list[str], seed: int) -> list[str]:
    seeds = [f"--hypothesis-seed={seed}", f"--randomly-seed={seed}"]
    return [sys.executable, "-m", "pytest", "-q", "-x", *seeds, *tests]


def _shown(tests: list[str], seed: int) -> str:
    return f"MUSTER_TEST_SEED={seed} {' '.join(_command(tests, seed))}"


if __name__ == "__main__":
    main()
