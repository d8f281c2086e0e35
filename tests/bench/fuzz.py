"""Coverage-guided nonsense (atheris) for every parser of the agent and for the server's door.

`python -m tests.bench.fuzz --seconds 20` gives each target its share, `... NAME --input FILE` plays a find again. A
target is found by its shape, so a new parser is fuzzed without being named here: every `parse_...` of
`muster_agent.sources` that takes one text, its lines or bytes. It must raise nothing and make no figure that is no
number.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import math
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from tests.bench.harness import ROOT

from muster_agent.sources.windows.events import Event, parse_event

FINDS = ROOT / "var" / "fuzz"  # each with what brought it about
_SEEDS = (ROOT / "tests" / "fixtures", ROOT / "tests" / "agent" / "golden")
_LONGEST_BYTES = 65_536
_DOOR = "ingest.decode"
_RECEIVED_AT = 1_790_000_000_000


class Target(NamedTuple):
    """What is fuzzed, by name, and what of the package is to be covered."""

    name: str
    module: str
    take: Callable[[bytes], object]


def main(arguments: list[str] | None = None) -> int:
    """Fuzz what is named, or all; gives 1 when anything was found, else 0."""
    parser = argparse.ArgumentParser(description="Coverage-guided nonsense for every parser")
    parser.add_argument("targets", nargs="*", help="default: all")
    parser.add_argument("--seconds", type=int, default=20, help="for each target; default 20")
    parser.add_argument("--input", type=Path, help="one file to play, instead of fuzzing")
    parser.add_argument("--package", default="muster_agent.sources", help="whose parsers; default %(default)s")
    parser.add_argument("--list", action="store_true", help="name the targets")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # atheris ends the process it runs in
    options = parser.parse_args(arguments)
    known = {target.name: target for target in targets(options.package)}
    if unknown := [name for name in options.targets if name not in known]:
        parser.error(f"no target {unknown[0]!r}; --list names them")
    chosen = [known[name] for name in options.targets] or list(known.values())
    if options.list:
        print("\n".join(target.name for target in chosen))
    elif options.input:
        for target in chosen:
            check(target.take(options.input.read_bytes()))
    elif options.here:
        _fuzz_here(chosen[0], options)
    else:
        return max([fuzz(target, options) for target in chosen])
    return 0


def targets(package: str) -> Iterator[Target]:
    """Every parser of a package that takes one text, its lines or bytes, and the door."""
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        module = importlib.import_module(found.name)
        for name, parse in inspect.getmembers(module, inspect.isfunction):
            take = _taker(parse) if name.startswith("parse_") and parse.__module__ == module.__name__ else None
            if take is not None:
                yield Target(f"{found.name.removeprefix(package + '.')}.{name}", found.name, take)
    yield Target(_DOOR, "muster_server.ingest.decode", _door)


def fuzz(target: Target, options: argparse.Namespace) -> int:
    """One target in a process of its own; gives 0, or 1 after saying what was found and how to play it again."""
    command = [sys.executable, "-m", "tests.bench.fuzz", target.name, "--package", options.package]
    again = [*command, "--here", "--seconds", str(options.seconds)]
    done = subprocess.run(again, cwd=ROOT, capture_output=True, text=True, check=False)
    last = [line for line in done.stderr.splitlines() if line.startswith("Done ")] or [f"exit code {done.returncode}"]
    print(f"{target.name}: {last[0]}", flush=True)
    if done.returncode:
        print(f"{done.stdout}\n{done.stderr}\nTo play it again:", flush=True)
        finds = sorted(FINDS.glob(f"{target.name}-*"), key=os.path.getmtime) or [Path("FILE")]
        print(f"  {' '.join(command)} --input {finds[-1]}", flush=True)
    return int(done.returncode != 0)


def check(found: object) -> None:
    """Raise ValueError when anything in a parser's answer is a number that is none."""
    if isinstance(found, dict):
        check([*found, *found.values()])
    elif isinstance(found, list | tuple | set):
        for part in found:
            check(part)
    elif isinstance(found, float) and not math.isfinite(found):
        raise ValueError(f"a figure that is none: {found}")


def _fuzz_here(target: Target, options: argparse.Namespace) -> None:
    import atheris  # not there on every system

    module = importlib.import_module(target.module)
    with atheris.instrument_imports(include=[target.module]):
        importlib.reload(module)
    take = next(again.take for again in targets(options.package) if again.name == target.name)
    FINDS.mkdir(parents=True, exist_ok=True)
    seeds = FINDS / "seeds"
    seeds.mkdir(exist_ok=True)
    for number, path in enumerate(sorted(path for root in _SEEDS for path in root.rglob("*") if _is_seed(path))):
        (seeds / str(number)).write_bytes(path.read_bytes()[:_LONGEST_BYTES])
    limits = [f"-max_total_time={options.seconds}", f"-max_len={_LONGEST_BYTES}", "-timeout=10"]
    atheris.Setup(
        [sys.argv[0], *limits, f"-artifact_prefix={FINDS}/{target.name}-", str(seeds)], lambda data: check(take(data))
    )
    atheris.Fuzz()


def _is_seed(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.suffix not in (".py", ".pyc")


def _taker(parse: Callable[..., Any]) -> Callable[[bytes], object] | None:
    """How bytes are given to a parser; None when it wants more than one text, its lines or bytes."""
    wanted = [p.name for p in inspect.signature(parse).parameters.values() if p.default is p.empty]
    if len(wanted) != 1:
        return None
    kind = get_type_hints(parse)[wanted[0]]
    if kind in (bytes, bytes | None):
        return lambda data: _whole(parse(data))
    if kind == Iterable[str]:
        return lambda data: _whole(parse(_text(data).splitlines()))
    if kind is Event:
        return lambda data: _of_event(parse, _text(data))
    return (lambda data: _whole(parse(_text(data)))) if kind in (str, str | None, object) else None


def _of_event(parse: Callable[..., Any], xml: str) -> Any:
    event = parse_event(xml)
    return None if event is None else parse(event)


def _whole(found: Any) -> Any:
    return list(found) if isinstance(found, Iterator) else found


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\x00", "")  # as machine.read gives it


def _door(data: bytes) -> None:
    from muster_server.ingest.decode import BadEnvelopeError, decode

    try:
        decode(data, _RECEIVED_AT)
    except BadEnvelopeError:
        return


if __name__ == "__main__":
    sys.exit(main())
