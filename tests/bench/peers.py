"""Programs of others that watch devices, run as Debian ships them beside our agent; never as services.

Enters: a directory to work in. Leaves: running `Program`s, each behind a relay where it is reached through the network.
"""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests import needs
from tests.bench import harness
from tests.bench.relay import Relay
from tests.bench.weight import Weight
from tests.e2e.programs import free_port

_ZABBIX_ITEMS = (
    "system.cpu.util", "system.cpu.load[all,avg1]", "vm.memory.size[pavailable]", "vm.memory.size[total]",
    "vfs.fs.size[/,pfree]", "system.swap.size[,pfree]", "system.uptime", "net.if.in[lo]",
)  # fmt: skip


class Program(NamedTuple):
    """A program under measure: its weight, the relay that counts its bytes (None: it does not talk), its server's door.

    `wire` holds the bytes that it had sent and received at each look, or, for one without a door, those of its callers.
    """

    name: str
    weight: Weight
    relay: Relay | None
    door: Relay | None
    wire: list[tuple[int, int]]


def always(place: Path, stack: ExitStack) -> Iterator[Program]:
    """node_exporter scraped every 15 s, as Prometheus would; zabbix_agent2 asked for 8 items every 60 s."""
    port = free_port()
    scraped = stack.enter_context(Relay(port))
    exporter = [needs.tool("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{port}"]
    yield Program("node_exporter", started(exporter, stack), scraped, None, [])
    _every(15, lambda: _scrape(scraped.port), stack)
    port = _low_port()
    asked = stack.enter_context(Relay(port))
    configuration = place / "zabbix.conf"
    lines = ["Server=127.0.0.1", "ListenIP=127.0.0.1", f"ListenPort={port}", "LogType=console", "Hostname=bench"]
    lines += [f"PidFile={place}/zabbix.pid", f"ControlSocket={place}/zabbix.sock", f"PluginSocket={place}/plugin.sock"]
    configuration.write_text("\n".join(lines) + "\n")
    zabbix = [needs.tool("zabbix_agent2", "/usr/sbin"), "-c", str(configuration), "-f"]
    yield Program("zabbix_agent2", started(zabbix, stack), asked, None, [])
    _every(60, lambda: _ask_zabbix(asked.port), stack)


def if_installed(place: Path, stack: ExitStack) -> Iterator[Program]:
    """What `.ci/tools bench` installs: glances without a screen, netdata without plugins, FusionInventory's daemon."""
    options: dict[str, Callable[[], list[str]]] = {
        "glances": lambda: ["--quiet", "--disable-check-update", "-C", "/dev/null"],
        "netdata": lambda: ["-D", "-u", "root", "-p", str(free_port()), "-c", _netdata(place)],
        "fusioninventory-agent": lambda: ["--daemon", "--no-fork", "--no-httpd", "--delaytime=1", f"--local={place}"],
    }
    for name, given in options.items():
        path = shutil.which(name, path="/usr/bin:/usr/sbin")
        if path is None:
            print(f"{name} is not installed: run .ci/tools bench", flush=True)
        else:
            yield Program(name, started([path, *given()], stack), None, None, [])


def started(command: list[str], stack: ExitStack, env: dict[str, str] | None = None) -> Weight:
    """A program that ends with the stack."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(harness.stop, process)
    return Weight(process.pid)


def _netdata(place: Path) -> str:
    folders = {name: _folder(place, f"netdata-{name}") for name in ("cache", "lib", "log")}
    places = [f"{name} = {folder}" for name, folder in folders.items()]
    off = ["enable running new plugins = no", *(f"{name} = no" for name in ("apps", "cgroups", "tc", "idlejitter"))]
    parts = {"directories": places, "web": ["bind to = 127.0.0.1"], "plugins": off, "global": []}
    path = place / "netdata.conf"
    path.write_text("".join(f"[{part}]\n" + "".join(f"    {line}\n" for line in parts[part]) for part in parts))
    return str(path)


def _folder(place: Path, name: str) -> Path:
    (place / name).mkdir()
    return place / name


def _low_port() -> int:
    """A free port that zabbix_agent2 accepts: it goes up to 32,767."""
    for port in range(20_000, 32_768):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("No port between 20,000 and 32,767 is free.")


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
    for item in _ZABBIX_ITEMS:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"ZBXD\x01" + struct.pack("<Q", len(item)) + item.encode())
            while connection.recv(4_096):
                pass
