"""`python -m tests.fleet`: an estate that enrols, tells its past, and goes on reporting until it is ended.

Enters: the environment that `muster up --beside` gives (MUSTER_FLEET_SERVER, MUSTER_FLEET_KEYS, MUSTER_DATA_DIR).
Leaves: reports on the server; in the data directory `fleet.db`, by which a later run goes on, and `fleet-truth.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from tests.fleet.estate import make_device, truth
from tests.fleet.progress import Progress
from tests.fleet.sender import Sender, Server, now_ms
from tests.fleet.state import State, go_on


def main() -> int:
    """Run until SIGTERM or SIGINT; 1 when the server refuses the estate, 2 when there is no server to send to."""
    options = _options()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        keys = [place["key"] for place in json.loads(os.environ["MUSTER_FLEET_KEYS"])]
        server = Server(os.environ["MUSTER_FLEET_SERVER"], keys)
    except KeyError as missing:
        sys.stderr.write(f"{missing.args[0]} is not set: start the estate by `muster up --demo --beside`.\n")
        return 2
    return _run(options, server, stop=stop)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fleet", description="A simulated estate.")
    parser.add_argument("--devices", type=int, default=2_000, help="how many; default 2,000")
    parser.add_argument("--days", type=int, default=180, help="of the past that are told by the day; default 180")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another estate; default 1")
    parser.add_argument("--threads", type=int, default=4, help="that send; default 4")
    return parser.parse_args()


def _run(options: argparse.Namespace, server: Server, *, stop: threading.Event) -> int:
    directory = Path(os.environ.get("MUSTER_DATA_DIR", "var/demo"))
    state = State(directory / "fleet.db")
    estate = go_on(state, now_ms(), seed=options.seed, days=options.days)
    devices = [make_device(estate.seed, number) for number in range(options.devices)]
    planted = {"seed": estate.seed, "first_run_at": estate.first_run_at, "devices": truth(devices)}
    (directory / "fleet-truth.json").write_text(json.dumps(planted, indent=1), "utf-8")
    sender, told_to = Sender(server, estate, state), state.told_to()
    reports = sum(len(sender.due(device, told_to.get(device.number, estate.timeline.begins_at))) for device in devices)
    progress = Progress(len(devices), reports)
    known = f", {len(told_to):,} of them enrolled," if told_to else ""
    progress.say(f"The simulated estate: {len(devices):,} devices{known} with {reports:,} reports to send.")
    refused: list[Exception] = []

    def end(error: Exception) -> None:
        refused.append(error)
        stop.set()

    sender.start(range(options.devices), threads=options.threads, fail=end)
    progress.follow(sender, server.url, stop=stop)
    stop.wait()
    sender.stop()
    state.close()
    for error in refused:
        sys.stderr.write(f"The estate stops, because the server refused it: {error}\n")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
