"""What the journal still knows of earlier starts: their marks, in systemd's own words, and how each run ended.

Enters: what journalctl prints. Leaves: one record a boot, oldest first, under the names of the wire. No text of any
message leaves; of messages, only those of process 1 are asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple

from muster_agent.machine import Machine
from muster_agent.sources.plain import whole_number
from muster_agent.sources.pstore import read_panics
from muster_agent.sources.root_facts import MOST_BOOTS

_MAGIC = b"LPKSHHRH"
# sd-messages.h: the system's start is finished, a container's is; a unit is active.
_FINISHED = ("b07a249cd024414a82dd00cd181378ff", "eed00a68ffd84e31882105fd973abdd1")
_ACTIVE = "39f53479d3a045ac8e11786248231fbf"
_FIELDS = ("KERNEL_USEC", "INITRD_USEC", "USERSPACE_USEC")
_LIST_BOOTS = ["journalctl", "--no-pager", "--list-boots", "-o", "json"]
_MESSAGES = ["journalctl", "--no-pager", "--quiet", "-o", "json", "--reverse", f"--lines={2 * MOST_BOOTS}"]
_LINE = re.compile(r"^\s*-?\d+ ([0-9a-f]{32}) ", re.MULTILINE)
_BOOT_ID = re.compile(r"[0-9a-f]{32}")
_BEFORE_KERNEL = re.compile(r"((?:\d+(?:\.\d+)?(?:h|min|s|ms) ?)+)\((firmware|loader)\)")
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|min|s|ms)")
_SECONDS = {"h": 3_600.0, "min": 60.0, "s": 1.0, "ms": 0.001}
_MOST_MICRO = 10**15
_HOUR = 3_600.0
_ARCHIVED_SECONDS = 600.0  # by then a start has put the record of a panic away


class Boot(NamedTuple):
    """One boot as the journal lists it; its first entry in seconds since 1970, None where the list does not tell."""

    boot_id: str
    first_at: float | None


def read_boots(machine: Machine) -> list[dict[str, Any]]:
    """The boots that the journal knows, the present one last; raises OSError where it may not be read or is not kept.

    Each: `boot_id`, `zero_at` (seconds since 1970, or None), `stop_before` and marks and phases, as far as known.
    """
    machine_id = machine.read("/etc/machine-id").strip()
    if machine.read_bytes(f"/var/log/journal/{machine_id}/system.journal", len(_MAGIC)) != _MAGIC:
        raise OSError("the journal is not kept")
    boots = parse_boots(machine.run(_LIST_BOOTS))[-MOST_BOOTS:]
    of_first = ["_PID=1", *(f"MESSAGE_ID={name}" for name in _FINISHED)]
    told = "--output-fields=MESSAGE," + ",".join(_FIELDS)
    finished = parse_finished(_entries(machine.run([*_MESSAGES, told, *of_first])))
    reached = ["--output-fields=UNIT", "_PID=1", f"MESSAGE_ID={_ACTIVE}", "UNIT=shutdown.target"]
    stopped = {str(entry.get("_BOOT_ID")) for entry in _entries(machine.run([*_MESSAGES, *reached]))}
    return joined(boots, finished, stopped=stopped, panics=read_panics(machine))


def parse_boots(text: str) -> list[Boot]:
    """Boots, oldest first: JSON, or the text that older systemds print whatever they are asked."""
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        return [Boot(boot_id, None) for boot_id in _LINE.findall(text)]
    found = []
    for entry in listed if isinstance(listed, list) else ():
        boot_id = entry.get("boot_id") if isinstance(entry, dict) else None
        if isinstance(boot_id, str) and _BOOT_ID.fullmatch(boot_id):
            first = _micro(entry.get("first_entry"))
            found.append(Boot(boot_id, None if first is None else first / 1e6))
    return found


def parse_finished(entries: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Boot → `zero_at` and what systemd said when its start was over; the first time counts, later are soft reboots.

    Figures are cut to the millisecond, as those of the running start are.
    """
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:  # newest first
        parts = [_micro(entry.get(name)) for name in _FIELDS]
        at, boot_id = _micro(entry.get("__REALTIME_TIMESTAMP")), entry.get("_BOOT_ID")
        if at is None or parts[2] is None or not isinstance(boot_id, str):
            continue
        kernel, initrd, userspace = (None if part is None else part // 1_000 / 1_000 for part in parts)
        settled = sum(part or 0 for part in parts)
        if settled > at:
            continue
        found[boot_id] = {
            "zero_at": (at - settled) / 1e6,
            "to_settled_seconds": settled // 1_000 / 1_000,
            "kernel_seconds": kernel,
            "initrd_seconds": initrd,
            "userspace_seconds": userspace,
            **parse_before_kernel(entry.get("MESSAGE")),
        }
    return found


def parse_before_kernel(message: Any) -> dict[str, float]:
    """`firmware_seconds` and `loader_seconds`, which systemd puts into its sentence alone; over an hour is no time."""
    found = {}
    for span, name in _BEFORE_KERNEL.findall(message[:500]) if isinstance(message, str) else ():
        seconds = sum(float(number[:9]) * _SECONDS[unit] for number, unit in _PART.findall(span))
        if 0 < seconds < _HOUR:
            found[f"{name}_seconds"] = round(seconds, 3)
    return found


def joined(
    boots: list[Boot], finished: dict[str, dict[str, Any]], *, stopped: set[str], panics: list[float]
) -> list[dict[str, Any]]:
    """One record a boot. How a run ended is told by its own journal: with the shutdown in it, it was clean."""
    found: list[dict[str, Any]] = []
    for place, boot in enumerate(boots):
        record = {"zero_at": boot.first_at, **finished.get(boot.boot_id, {})}
        stop = None
        if place:
            before, zero = found[-1]["zero_at"] or 0.0, record["zero_at"]
            fell = any(before <= at < zero + _ARCHIVED_SECONDS for at in panics) if zero is not None else False
            stop = "clean" if boots[place - 1].boot_id in stopped else "bugcheck" if fell else "unexpected"
        found.append({"boot_id": _dashed(boot.boot_id), **record, "stop_before": stop})
    return found


def _entries(text: str) -> list[dict[str, Any]]:
    """The entries of a journal as JSON lines."""
    found = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            found.append(entry)
    return found


def _micro(value: Any) -> int | None:
    """Microseconds, which systemd writes as a number or a text, by its version."""
    return whole_number(str(value), _MOST_MICRO * 10) if type(value) in (int, str) else None


def _dashed(boot_id: str) -> str:
    """As /proc/sys/kernel/random/boot_id writes it."""
    ends = (0, 8, 12, 16, 20, 32)
    return "-".join(boot_id[begin:end] for begin, end in pairwise(ends))
