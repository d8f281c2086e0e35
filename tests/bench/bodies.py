"""Reports as agents send them, and whole requests made before a run, so that making them costs the run nothing.

Enters: numbers of seeded devices. Leaves: reports of three kinds, and requests. Names, versions and figures are random,
so that nothing compresses from one report to the next. `full` has all sections, as on the day a device enrols or is
patched; `routine` is what the same agent sends in its other reports, since system, hardware, starts and software go
only when they changed; `daily` is a routine report that tells a start.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from tests.bench.estate import BOOT_ID, HIGHEST, hardware_hash, stream_of, token_of

from muster_server.clock import HOUR_MS, iso

Kind = Literal["full", "routine", "daily"]

TITLES = 200  # programs of an office PC, with what its package systems bring along
UPTIME = 400 * 86_400.0  # seconds; one boot, so that the monotonic clock places every report
_COLLECTORS = ("system", "hardware", "starts", "disks", "battery", "software", "restart", "use")
_encode = msgspec.json.Encoder().encode
_HEAD = (
    "POST /api/v1/reports HTTP/1.1\r\nHost: muster\r\nAuthorization: Bearer {token}\r\n"
    "Content-Type: application/json\r\nContent-Encoding: gzip\r\nUser-Agent: muster-agent/0.1.0\r\n"
    "Content-Length: {length}\r\n\r\n"
)


class Request(NamedTuple):
    """One request: the bytes to send, the size of its body on the wire and when inflated."""

    wire: bytes
    packed_bytes: int
    inflated_bytes: int


def requests(kind: Kind, *, count: int, per_request: int, devices: int, now: int) -> Iterator[Request]:
    """`count` requests, device after device, each with its next `per_request` reports.

    Of a batch the first report is of `kind` and the others are routine, since the agent sends a software list once.
    """
    dice = random.Random(count)
    for number in range(count):
        device, turn = number % devices, number // devices
        first = HIGHEST + 1 + turn * per_request
        reports = [
            report(dice, device, sequence=first + n, at=(now, 900 * n), kind="routine" if n else kind)
            for n in range(per_request)
        ]
        yield _request(device, envelope(reports, now))


def envelope(reports: Sequence[dict[str, Any]], now: int) -> bytes:
    """The body of a request around reports, sent at `now` (epoch ms)."""
    agent = {"version": "0.1.0", "platform": "linux"}
    return _encode(
        {"sent_at": iso(now), "boot_id": BOOT_ID, "monotonic_seconds": UPTIME, "agent": agent, "reports": reports}
    )


def _request(device: int, body: bytes) -> Request:
    gzip = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    packed = gzip.compress(body) + gzip.flush()
    wire = _HEAD.format(token=token_of(device), length=len(packed)).encode() + packed
    return Request(wire, len(packed), len(body))


def report(dice: random.Random, device: int, *, sequence: int, at: tuple[int, int], kind: Kind) -> dict[str, Any]:
    """One report; `at` is when it is sent (epoch ms), and how many seconds before it was collected."""
    sent_at, age = at
    collected_at = sent_at - 1000 * age
    outcomes = {n: {"outcome": "ok", "seconds": round(dice.random() / 9, 4), "problem": None} for n in _COLLECTORS}
    sections = _routine(dice, collected_at)
    if kind != "routine":
        sections["starts"] = [_start(dice, collected_at)]
    if kind == "full":
        sections |= _rare(dice, device)
    return {
        "report_id": f"{stream_of(device)}:{sequence}",
        "schema": 1,
        "collected_at": iso(collected_at),
        "boot_id": BOOT_ID,
        "monotonic_seconds": UPTIME - age,
        "hardware_hash": hardware_hash(device),
        "outcomes": outcomes,
        "sections": sections,
    }


def titles(dice: random.Random, count: int) -> list[dict[str, Any]]:
    """Pieces of installed software, all different."""
    return [_title(dice) for _ in range(count)]


def _routine(dice: random.Random, at: int) -> dict[str, Any]:
    minutes = {name: [dice.randrange(16) for _ in range(12)] for name in ("cpu", "memory", "disk")}
    pressure = [[dice.randrange(16) for _ in range(4)] for _ in range(4)]
    hour = {
        "hour_at": iso(at // HOUR_MS * HOUR_MS),
        **minutes,
        "memory_pressure": pressure,
        "missed": 0,
        "suspended": 0,
    }
    total = 512_110_190_592
    pack = {"name": "BAT0", "unit": "Wh", "design": 57.0, "full": round(40 + 17 * dice.random(), 2)}
    return {
        "use": {"levels": 1, "hours": [hour]},
        "disks": {
            "volumes": [
                {"name": name, "total_bytes": total, "free_bytes": dice.randrange(total), "system": name == "/"}
                for name in ("/", "/home")
            ]
        },
        "battery": {"packs": [{**pack, "cycles": dice.randrange(900), "charge_percent": dice.randrange(101)}]},
        "restart": {"pending": True, "reasons": ["kernel"] * dice.randrange(1, 3)},
    }


def _rare(dice: random.Random, device: int) -> dict[str, Any]:
    return {
        "system": {
            "hostname": f"pc-{device:06}",
            "os_family": "linux",
            "os_id": "debian",
            "os_name": "Debian GNU/Linux 12 (bookworm)",
            "os_version": "12",
            "kernel": f"6.1.0-{dice.randrange(99)}-amd64",
            "architecture": "x86_64",
        },
        "hardware": {
            "device_class": "laptop",
            "chassis_code": 10,
            "manufacturer": "Dell Inc.",
            "model": "Latitude 5430",
            "serial": f"{dice.getrandbits(40):010X}",
            "bios_version": f"1.{dice.randrange(40)}.{dice.randrange(9)}",
            "bios_on": "2025-06-11",
            "cpu_model": "12th Gen Intel(R) Core(TM) i5-1245U",
            "cpu_cores": 10,
            "cpu_threads": 12,
            "memory_bytes": 16_624_033_792,
            "drives": [
                {
                    "name": "nvme0n1",
                    "kind": "nvme",
                    "model": _word(dice, 14),
                    "size_bytes": 512_110_190_592,
                    "system": True,
                }
            ],
        },
        "software": {"titles": titles(dice, TITLES), "more_titles": 0},
        "agent": {"notes": [f"software used {dice.random():.2f} s"]},
    }


def _start(dice: random.Random, at: int) -> dict[str, Any]:
    settled = round(30 + 60 * dice.random(), 3)
    return {
        "start_id": f"{dice.getrandbits(128):032x}",
        "kind": "full",
        "zero_at": iso(at - 90_000_000),
        "to_sign_in_seconds": round(settled / 2, 3),
        "to_sign_in_quality": "measured",
        "to_sign_in_revision": 1,
        "to_settled_seconds": settled,
        "to_settled_quality": "measured",
        "to_settled_revision": 1,
        "firmware_seconds": 8.1,
        "loader_seconds": 1.2,
        "kernel_seconds": 2.9,
        "userspace_seconds": round(settled - 2.9, 3),
        "culprits": [
            {"name": f"{_word(dice, 12)}.service", "kind": "unit", "seconds": round(9 * dice.random(), 3)}
            for _ in range(5)
        ],
    }


def _title(dice: random.Random) -> dict[str, Any]:
    version = f"{dice.randrange(20)}.{dice.randrange(100)}.{dice.randrange(1000)}-{dice.randrange(9)}"
    day = f"20{dice.randrange(22, 27)}-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}"
    name, publisher = f"{_word(dice, 6)} {_word(dice, 8)}", f"{_word(dice, 9)} Ltd"
    return {"name": name, "version": version, "publisher": publisher, "source": "registry", "installed_on": day}


def _word(dice: random.Random, length: int) -> str:
    return "".join(dice.choices("abcdefghijklmnoprstuvwy", k=length))
