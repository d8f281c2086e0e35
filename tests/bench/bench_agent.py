"""What the agent weighs at its default settings, beside node_exporter and zabbix_agent2, all in the same minutes.

Three agents report to a real server: over plain HTTP, over TLS, and over TLS with a report every 5 minutes where the
default is every 15, so that the price of a report shows. node_exporter is scraped every 15 s, as Prometheus would;
zabbix_agent2 is asked for 8 items every 60 s, as Debian's template does.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import trustme
from tests import needs
from tests.bench import harness, served
from tests.bench.relay import Relay
from tests.bench.weight import Weight
from tests.e2e.programs import environment, free_port

COLUMNS = (
    "program", "CPU %", "settled %", "worst s %", "RSS MiB", "most", "PSS MiB", "private", "sent kB", "received kB",
    "to disk kB",
)  # fmt: skip
REPORTS_A_DAY = 96
AGENTS = (("agent, HTTP", "http", 900), ("agent, TLS", "https", 900), ("agent, TLS, every 5 min", "https", 300))
_ITEMS = (
    "system.cpu.util", "system.cpu.load[all,avg1]", "vm.memory.size[pavailable]", "vm.memory.size[total]",
    "vfs.fs.size[/,pfree]", "system.swap.size[,pfree]", "system.uptime", "net.if.in[lo]",
)  # fmt: skip


class Program(NamedTuple):
    """A program under measure: its weight, and the relay through which it is reached or reaches."""

    name: str
    weight: Weight
    relay: Relay


def main() -> None:
    """Measure and print."""
    options = harness.parser("The agent's weight", runs=1, seconds=300).parse_args()
    if options.quick:
        options.seconds = 2
    harness.print_facts("The agent's weight", _notes(options))
    with TemporaryDirectory(prefix="muster-bench-") as place, ExitStack() as stack:
        agents = AGENTS[1:2] if options.quick else AGENTS
        programs = [*_agents(agents, Path(place), stack), *_others(Path(place), stack)]
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
        "sent and received: payload of TCP with TLS; to disk: write_bytes; both from start to end",
    ]


def _agents(chosen: Sequence[tuple[str, str, int]], place: Path, stack: ExitStack) -> Iterator[Program]:
    """Each with a server of its own: on one machine they would be one device."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(place / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    (store,) = stack.enter_context(served.stores(lambda _: None, ["sqlite"]))
    for name, scheme, report_seconds in chosen:
        url = stack.enter_context(store.copy())
        server = stack.enter_context(served.served(url, report_seconds=report_seconds))
        port = stack.enter_context(Relay(server.port, tls=tls)).port if scheme == "https" else server.port
        relay = stack.enter_context(Relay(port))
        settings = {
            "server_url": f"{scheme}://localhost:{relay.port}",
            "enrolment_key": server.enrolment_key(),
            "ca_file": place / "ca.pem",
            "state_dir": place / f"state-{relay.port}",
        }
        env = environment(**{f"agent_{setting}": value for setting, value in settings.items()})
        agent = [sys.executable, "-m", "muster_agent"]
        subprocess.run([*agent, "enrol"], env=env, check=True, capture_output=True)
        yield Program(name, _started([*agent, "run", "--now"], stack, env=env), relay)


def _others(place: Path, stack: ExitStack) -> Iterator[Program]:
    """As Debian ships them, on the loopback, never as services."""
    port = free_port()
    scraped = stack.enter_context(Relay(port))
    exporter = [needs.tool("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{port}"]
    yield Program("node_exporter", _started(exporter, stack), scraped)
    _every(15, lambda: _scrape(scraped.port), stack)
    port = _low_port()
    asked = stack.enter_context(Relay(port))
    configuration = place / "zabbix.conf"
    lines = ["Server=127.0.0.1", "ListenIP=127.0.0.1", f"ListenPort={port}", "LogType=console", "Hostname=bench"]
    lines += [f"PidFile={place}/zabbix.pid", f"ControlSocket={place}/zabbix.sock", f"PluginSocket={place}/plugin.sock"]
    configuration.write_text("\n".join(lines) + "\n")
    zabbix = [needs.tool("zabbix_agent2", "/usr/sbin"), "-c", str(configuration), "-f"]
    yield Program("zabbix_agent2", _started(zabbix, stack), asked)
    _every(60, lambda: _ask_zabbix(asked.port), stack)


def _low_port() -> int:
    """A free port that zabbix_agent2 accepts: it goes up to 32,767."""
    for port in range(20_000, 32_768):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("No port between 20,000 and 32,767 is free.")


def _started(command: list[str], stack: ExitStack, env: dict[str, str] | None = None) -> Weight:
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(harness.stop, process)
    return Weight(process.pid)


def _every(seconds: float, call: Callable[[], object], stack: ExitStack) -> None:
    """Call until the bench is over, in a thread of its own."""
    over = threading.Event()
    stack.callback(over.set)

    def run() -> None:
        while not over.wait(seconds if called else 1.0):
            with contextlib.suppress(OSError, http.client.HTTPException):
                call()
                called.append(True)

    called: list[bool] = []
    threading.Thread(target=run, daemon=True).start()


def _scrape(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
    connection.getresponse().read()
    connection.close()


def _ask_zabbix(port: int) -> None:
    """Passive checks: each a header, the length, the name of the item."""
    for item in _ITEMS:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"ZBXD\x01" + struct.pack("<Q", len(item)) + item.encode())
            while connection.recv(4_096):
                pass


def _watch(programs: list[Program], looks: int) -> None:
    """Look at every program once a second."""
    begun = time.monotonic()
    for look in range(looks + 1):
        for program in programs:
            try:
                program.weight.look()
            except OSError:
                sys.exit(f"{program.name} ended by itself.")
        time.sleep(max(0.0, begun + look + 1 - time.monotonic()))


def _row(program: Program, looks: int, first: int) -> list[Any]:
    weight, relay = program.weight, program.relay
    sent, received = relay.to_target, relay.from_target
    if not program.name.startswith("agent"):  # it is called, so that what it sends comes from behind the relay
        sent, received = received, sent
    return [
        program.name,
        _percent(weight.cpu_seconds[looks] / looks),
        _percent(weight.cpu_between(first, first + looks) / looks),
        f"{100 * weight.worst_second:.1f}",
        *(f"{value / 2**20:.1f}" for value in (harness.median(weight.resident), max(weight.resident))),
        *(f"{harness.median(values) / 2**20:.1f}" for values in (weight.proportional, weight.private)),
        sent / 1000,
        received / 1000,
        weight.written_bytes / 1000,
    ]


def _day(programs: list[Program], looks: int, first: int) -> str:
    """A day at the defaults, put together from what was measured."""
    _, usual, busy = (program.weight for program in programs[:3])
    settled = usual.cpu_between(first, first + looks)
    report = max(0.0, busy.cpu_between(first, first + looks) - settled)
    start = usual.cpu_seconds[first]
    seconds = start + settled * 86_400 / looks + report * REPORTS_A_DAY
    minute = 1000 * settled * 60 / looks
    return (
        f"CPU of the agent over TLS: {start:.2f} s to start and tell all once, {minute:.1f} ms a minute, "
        f"{1000 * report:.0f} ms a report.\n"
        f"A day of {REPORTS_A_DAY} reports: {seconds:.1f} s, {_percent(seconds / 86_400)} % of one core."
    )


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.3f}"


if __name__ == "__main__":
    main()
