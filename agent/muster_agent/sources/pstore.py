"""What a kernel wrote to the firmware when it panicked (pstore), and systemd-pstore put away after the next start."""

from __future__ import annotations

from collections.abc import Iterator

from muster_agent.machine import Machine
from muster_agent.sources.plain import whole_number

_PLACES = ("/sys/fs/pstore", "/var/lib/systemd/pstore")
_MOST_FILES, _DEEPEST = 400, 2
_OLDEST = 631_152_000  # 1990: a record's folder is named by its second since 1970


def read_panics(machine: Machine) -> list[float]:
    """When the kernel panicked, as far as it left a record; seconds since 1970, or when the record was put away."""
    found = []
    for number, path in enumerate(path for place in _PLACES for path in _records(machine, place, deep=0)):
        if number == _MOST_FILES:
            break
        try:
            is_panic = machine.read_bytes(path, 16).lstrip().startswith(b"Panic#")
        except OSError:
            continue
        at = _named_at(path) or machine.changed_at(path)
        if is_panic and at is not None:
            found.append(at)
    return sorted(set(found))


def _records(machine: Machine, place: str, *, deep: int) -> Iterator[str]:
    for name in machine.names_in(place):
        if name.startswith("dmesg"):
            yield f"{place}/{name}"
        elif deep < _DEEPEST:
            yield from _records(machine, f"{place}/{name}", deep=deep + 1)


def _named_at(path: str) -> float | None:
    numbers = (whole_number(part) for part in path.split("/"))
    return next((float(number) for number in numbers if number and number >= _OLDEST), None)
