"""What the benches share: facts of the machine, medians, tables, cores, and the CPU that a process took.

Every bench is `python -m tests.bench.bench_x`, prints what it measured and how, and takes `--quick`, which proves that
it runs and says nothing about speed.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parent.parent.parent


def parser(description: str, *, runs: int, seconds: float | None = None) -> argparse.ArgumentParser:
    """The options that every bench has, with the bench's own defaults."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--quick", action="store_true", help="the smallest run that prints its table; no figure counts")
    made.add_argument("--runs", type=int, default=runs, help=f"whose medians are printed; default {runs}")
    if seconds is not None:
        made.add_argument("--seconds", type=float, default=seconds, help=f"of each run; default {seconds:g}")
    return made


def print_facts(title: str, notes: Iterable[str] = ()) -> None:
    """What was measured, on which machine, when, and at which commit."""
    memory = psutil.virtual_memory().total / 2**30
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{title}\n{'=' * len(title)}")
    print(f"{psutil.cpu_count()} cores ({_cpu_model()}), {memory:.0f} GiB, {platform.system()} {platform.release()}")
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, commit {_commit()}")
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, load before: {load}. Shared machines are noisy: figures are medians.")
    for note in notes:
        print(f"- {note}")
    print(flush=True)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table in plain text; figures stand to the right."""
    written = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[place]) for row in [list(headings), *written]) for place in range(len(headings))]
    numbers = [all(re.fullmatch(r"[-\d.,%]*", row[place]) for row in written) for place in range(len(widths))]
    for row in [list(headings), ["-" * width for width in widths], *written]:
        cells = (
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(row, widths, numbers, strict=True)
        )
        print("  ".join(cells).rstrip())
    print(flush=True)


def median(values: Iterable[float]) -> float:
    """The median; 0 of nothing."""
    found = list(values)
    return statistics.median(found) if found else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def cores() -> tuple[int, int]:
    """(core of the server under measure, core of everything else); the same one where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep this process, and all it starts meanwhile, on one core."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def tree(pid: int) -> list[psutil.Process]:
    """A process and all it started that still run."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of processes and all they started that still run."""
    total = 0.0
    for pid in pids:
        for process in tree(pid):
            try:
                total += sum(process.cpu_times()[:2])
            except psutil.NoSuchProcess:
                continue
    return total


def stop(process: subprocess.Popen[Any], seconds: float = 20.0) -> None:
    """End a process in order, by force when it does not."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _commit() -> str:
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said.stdout.strip()
