"""`muster-agent fieldcheck`: a person with a stopwatch sets real starts beside the agent's figures, on a real device.

Enters: a start that has just happened, and what the person measured. Leaves: one JSON file, which grows with each start
and holds nothing of a person; tests play it again. Run once after each of a few starts of different kinds.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Any

from muster_agent import __version__
from muster_agent.collectors import hardware, starts, system
from muster_agent.files import read_json, write_whole
from muster_agent.machine import Machine

FORM = 1
WANTED_STARTS = 6  # two full ones, two fast ones, one after updates, one after the power was cut
_MOST_STARTS = 50
_MARKS = (
    ("sign_in", "the sign-in screen was ready"),
    ("desktop", "the desktop was shown"),
    ("usable", "you could work"),
)
_TIME = re.compile(r"(?:(\d{1,3}):)?(\d{1,5}(?:\.\d{1,3})?)")
_DEVICE = ("device_class", "manufacturer", "model", "firmware", "cpu_model", "memory_bytes")
_SYSTEM = ("os_family", "os_id", "os_version", "os_build", "os_edition", "kernel", "architecture")
_PRIVATE = ("start_id", "zero_at")  # when somebody came to work


def check(machine: Machine, path: str, *, state_dir: str, ask: Callable[[str], str]) -> str:
    """Ask for the newest start, add it to the file, and give what to tell the person.

    Raises OSError when the file cannot be written, ValueError when no start is known.
    """
    known = read_json(path)
    told = known["starts"] if known.get("form") == FORM and isinstance(known.get("starts"), list) else []
    newest = _newest(machine, state_dir)
    shown = {name: value for name, value in newest.items() if name not in _PRIVATE}
    if told and told[-1].get("start") == shown:
        return f"This start is in {path} already: restart the device, and run this again."
    measured = _measured(ask)
    told = [*told, {"start": shown, "stopwatch": measured}][-_MOST_STARTS:]
    document = {
        "form": FORM,
        "agent": __version__,
        "system": _only(system.collect(machine), _SYSTEM),
        "device": _only(hardware.collect(machine), _DEVICE),
        "starts": told,
        **_of_system(machine),
    }
    write_whole(os.path.abspath(path), json.dumps(document, indent=1, allow_nan=False).encode())
    return f"{compared(shown, measured)}\n{_what_next(len(told), path)}"


def compared(start: dict[str, Any], measured: dict[str, float]) -> str:
    """A table of both, in seconds from power-on, where both are known."""
    before = (start.get("firmware_seconds") or 0.0) + (start.get("loader_seconds") or 0.0)
    lines = [f"kind: {start.get('kind')}; firmware and loader: {before:.1f} s"]
    for mark, words in _MARKS:
        own, person = start.get(f"to_{mark}_seconds"), measured.get(mark)
        agent = "unknown" if own is None else f"{own + before:.1f} s ({start.get(f'to_{mark}_quality') or 'own'})"
        by_hand = "not measured" if person is None else f"{person:.1f} s"
        apart = "" if own is None or person is None else f", apart by {own + before - person:+.1f} s"
        lines.append(f"{words}: agent {agent}, stopwatch {by_hand}{apart}")
    return "\n".join(lines)


def seconds(text: str) -> float | None:
    """`95`, `95.4` or `1:35` in seconds; None when nothing was measured. Raises ValueError with what to write."""
    if not text.strip():
        return None
    found = _TIME.fullmatch(text.strip())
    if not found:
        raise ValueError("Write seconds (95) or minutes and seconds (1:35), or nothing when you did not measure it.")
    return 60 * int(found[1] or 0) + float(found[2])


def _newest(machine: Machine, state_dir: str) -> dict[str, Any]:
    """The newest start, with what the running agent saw of it."""
    pages = read_json(os.path.join(state_dir, "told.json")).get("notebook")
    seen = pages.get("pages", {}).get("seen") if isinstance(pages, dict) else None
    machine.notebook = {"seen": seen} if isinstance(seen, dict) else {}
    found = starts.collect(machine) or []
    if not found:
        raise ValueError("No start of this device is known: is it a container, or may the logs not be read?")
    return max(found, key=lambda start: str(start["zero_at"]))


def _measured(ask: Callable[[str], str]) -> dict[str, float]:
    measured: dict[str, float] = {}
    for mark, words in _MARKS:
        while True:
            try:
                found = seconds(
                    ask(f"From pressing the power button until {words} (95 or 1:35, Enter: not measured): ")
                )
                break
            except ValueError as problem:
                ask(f"{problem} [Enter] ")
        if found is not None:
            measured[mark] = found
    return measured


def _of_system(machine: Machine) -> dict[str, Any]:
    if machine.system == "windows":
        from muster_agent.sources.windows.field import read

        return read(machine)
    if machine.system == "macos":
        return {}
    try:
        return {"answers": {"systemd_analyze": parse_analyzed(machine.run(["systemd-analyze", "time"]))}}
    except OSError:
        return {"answers": {"systemd_analyze": None}}


def parse_analyzed(text: str) -> dict[str, float]:
    """Seconds by phase of `systemd-analyze time`: `1min 2.345s (userspace)`."""
    units = {"h": 3_600.0, "min": 60.0, "s": 1.0, "ms": 0.001, "us": 0.000_001}
    found = {}
    for spent, phase in re.findall(r"((?:[\d.]+(?:h|min|ms|us|s) ?)+)\((\w+)\)", text):
        parts = re.findall(r"([\d.]+)(h|min|ms|us|s)", spent)
        found[phase] = round(sum(float(number) * units[unit] for number, unit in parts), 6)
    return found


def _only(section: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: section[name] for name in names if section.get(name) is not None}


def _what_next(count: int, path: str) -> str:
    if count < WANTED_STARTS:
        return f"{count} of {WANTED_STARTS} starts are in {path}. Restart or switch off and on, and run this again."
    return f"{count} starts are in {path}: read it, then send it to whoever asked for it."
