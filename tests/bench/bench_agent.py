"""What the agent weighs at its default settings, beside other watchers of devices, all in the same minutes.

Three agents report to a real server: over plain HTTP, over TLS, and over TLS with a report every 5 minutes where the
default is every 15, so that the price of a report shows. They are what the Debian package installs, on Debian's Python.
"""

from __future__ import annotations

import argparse
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trustme
from tests import needs
from tests.bench import harness, peers, served
from tests.bench.peers import Program
from tests.bench.relay import Relay
from tests.e2e.programs import environment

COLUMNS = (
    "program", "CPU %", "settled %", "worst s %", "RSS MiB", "most", "PSS MiB", "private", "sent kB", "received kB",
    "handshakes", "to disk kB",
)  # fmt: skip
REPORTS_A_DAY = 96
AGENTS = (("agent, HTTP", "http", 900), ("agent, TLS", "https", 900), ("agent, TLS, every 5 min", "https", 300))


def main() -> None:
    """Measure and print."""
    options = harness.parser("The agent's weight", runs=1, seconds=300).parse_args()
    if options.quick:
        options.seconds = 2
    harness.print_facts("The agent's weight", _notes(options))
    with TemporaryDirectory(prefix="muster-bench-") as place, ExitStack() as stack:
        agents = AGENTS[1:2] if options.quick else AGENTS
        programs = [*_agents(agents, Path(place), stack), *peers.always(Path(place), stack)]
        if not options.quick:
            programs += peers.if_installed(Path(place), stack)
        looks = round(options.seconds)
        first = max(1, looks // 5)
        _watch(programs, looks + first)
        harness.print_table(COLUMNS, [_row(program, looks, first) for program in programs])
        if not options.quick:
            print(_day(programs, looks, first), flush=True)


def _notes(options: argparse.Namespace) -> list[str]:
    return [
        f"CPU: of one core over {options.seconds:g} s from the start; settled: as long, begun after a fifth of that",
        "worst s: the dearest second, start and first report with all sections included",
        "RSS and PSS: medians of a look each second; most: the largest RSS; PSS profits from the other Pythons here",
        "sent and received: payload of TCP with TLS; handshakes of TLS, in brackets those that resumed a session",
        "a server that hangs up after a minute without a word, as proxies do; to disk: write_bytes, from start to end",
        "node_exporter is scraped every 15 s, zabbix_agent2 asked for 8 items every 60 s; glances draws nothing;",
        "netdata keeps its records in memory and on disk without its plugins; FusionInventory lists once, then waits",
    ]


def _agents(chosen: Sequence[tuple[str, str, int]], place: Path, stack: ExitStack) -> Iterator[Program]:
    """Each with a server of its own: on one machine they would be one device."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(place / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    (store,) = stack.enter_context(served.stores(lambda _: None, ["sqlite"]))
    agent = _installed(place)
    for name, scheme, report_seconds in chosen:
        url = stack.enter_context(store.copy())
        server = stack.enter_context(served.served(url, report_seconds=report_seconds))
        door = stack.enter_context(Relay(server.port, tls=tls if scheme == "https" else None))
        relay = stack.enter_context(Relay(door.port))
        settings = {
            "server_url": f"{scheme}://localhost:{relay.port}",
            "enrolment_key": server.enrolment_key(),
            "ca_file": place / "ca.pem",
            "state_dir": place / f"state-{relay.port}",
        }
        env = environment(**{f"agent_{setting}": value for setting, value in settings.items()})
        env = {**env, **_unit_environment()}
        subprocess.run([*agent, "enrol"], env=env, check=True, capture_output=True)
        yield Program(name, peers.started([*agent, "run", "--now"], stack, env=env), relay, door, [])


def _installed(place: Path) -> list[str]:
    """The agent as the Debian package lays it out and starts it: Debian's Python, isolated, its modules compiled."""
    build = [sys.executable, str(harness.ROOT / "agent/packaging/deb/build.py"), "--out", str(place)]
    package = subprocess.run(build, check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(["dpkg-deb", "--extract", package, str(place / "root")], check=True)
    library = place / "root/usr/lib/muster-agent"
    python = needs.tool("/usr/bin/python3")
    subprocess.run([python, "-m", "compileall", "-q", str(library)], check=True)
    code = f"import sys; sys.path.insert(0, {str(library)!r}); from muster_agent.__main__ import main; main()"
    return [python, "-I", "-c", code]


def _unit_environment() -> dict[str, str]:
    """What the service's unit sets for the C library."""
    unit = (harness.ROOT / "agent/packaging/systemd/muster-agent.service").read_text("utf-8")
    return dict(pair.split("=") for pair in re.findall(r"\b(MALLOC_\w+=\d+)", unit))


def _watch(programs: list[Program], looks: int) -> None:
    """Look at every program once a second."""
    begun = time.monotonic()
    for look in range(looks + 1):
        for program in programs:
            try:
                program.weight.look()
            except OSError:
                sys.exit(f"{program.name} ended by itself.")
            program.wire.append(program.relay.passed if program.relay else (0, 0))
        time.sleep(max(0.0, begun + look + 1 - time.monotonic()))


def _row(program: Program, looks: int, first: int) -> list[Any]:
    weight, door = program.weight, program.door
    sent, received = program.wire[-1]
    if door is None:  # it is called, so that what it sends comes from behind the relay
        sent, received = received, sent
    return [
        program.name,
        _percent(weight.cpu_seconds[looks] / looks),
        _percent(weight.cpu_between(first, first + looks) / looks),
        f"{100 * weight.worst_second:.1f}",
        *(f"{value / 2**20:.1f}" for value in (harness.median(weight.resident), max(weight.resident))),
        *(f"{harness.median(values) / 2**20:.1f}" for values in (weight.proportional, weight.private)),
        *((sent / 1000, received / 1000) if program.relay else ("-", "-")),
        f"{door.handshakes} ({door.resumed})" if door and door.handshakes else "-",
        weight.written[-1] / 1000,
    ]


def _day(programs: list[Program], looks: int, first: int) -> str:
    """A day at the defaults, put together from what was measured: the start, the minutes, and 96 reports."""
    usual, busy = programs[1], programs[2]
    settled = usual.weight.cpu_between(first, first + looks)
    report = max(0.0, busy.weight.cpu_between(first, first + looks) - settled)
    start = usual.weight.cpu_seconds[first]
    seconds = start + settled * 86_400 / looks + report * REPORTS_A_DAY
    begun, ended = sum(busy.wire[first]), sum(busy.wire[-1])
    wire = begun + (ended - begun) * (REPORTS_A_DAY - 1)
    kept = busy.weight.written[-1] - busy.weight.written[first]
    disk = busy.weight.written[first] + kept * (REPORTS_A_DAY - 1)
    minute = 1000 * settled * 60 / looks
    return (
        f"CPU of the agent over TLS: {start:.2f} s to start and tell all once, {minute:.1f} ms a minute, "
        f"{1000 * report:.0f} ms a report.\n"
        f"A day of {REPORTS_A_DAY} reports: {seconds:.1f} s, {_percent(seconds / 86_400)} % of one core; "
        f"{wire / 1000:.0f} kB on the wire, {ended - begun:,} bytes a report with its handshake; "
        f"{disk / 1000:.0f} kB to disk, {kept:,} bytes a report."
    )


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.3f}"


if __name__ == "__main__":
    main()
