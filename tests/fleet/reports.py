"""Reports as an agent on each device would write them.

Enters: a device's life and a window of its time line. Leaves: the bytes of one report. A report is a function of its
arguments alone: sent again after a crash it is the same to the byte, as from a spool.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from tests.fleet.catalogue import CHASSIS_CODE
from tests.fleet.estate import Device
from tests.fleet.life import DAY, GIB, HOUR, Life, Start, iso
from tests.fleet.timeline import QUARTER, Window
from tests.fleet.use import use

RARE = ("system", "hardware", "software")
VERSION = "0.1.0"
_SECONDS = {"software": 0.21, "hardware": 0.034, "starts": 0.012}  # that a collector takes
_encode = msgspec.json.Encoder().encode


class Reporter:
    """Writes the reports of one device."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._device = life.device
        self._clock_ms = 1_000 * life.device.clock_seconds
        self.phase_ms = self.phase_of(life.device)
        self.stream = life.device.digest("stream")
        self._hardware_hash = life.device.hints["hardware_hash"]
        self._outcomes = self._how_collectors_fare()

    @staticmethod
    def phase_of(device: Device) -> int:
        """How much earlier than the time line this device reports: they do not all report in one breath."""
        return device.number * 7_919_000 % QUARTER

    def report(self, window: Window, wanted: Collection[str] = ()) -> bytes:
        """The report of one window; `wanted` names the rare sections that it tells in any case."""
        begins_at, ends_at = window.begins_at - self.phase_ms, window.ends_at - self.phase_ms
        told = self._sections(begins_at, ends_at, wanted=wanted)
        return _encode(
            {
                "report_id": f"{self.stream}:{window.sequence}",
                "schema": 1,
                "collected_at": iso(ends_at + self._clock_ms),
                **self.boot(ends_at),
                "hardware_hash": self._hardware_hash,
                "outcomes": self._outcomes,
                "sections": {name: section for name, section in told.items() if self._tells(name)},
            }
        )

    def envelope(self, reports: list[bytes], sent_at: int) -> bytes:
        """The body of a request around reports, sent at a true instant."""
        head = {
            "sent_at": iso(sent_at + self._clock_ms),
            **self.boot(sent_at),
            "agent": {"version": VERSION, "platform": self._device.system.family},
        }
        return _encode(head)[:-1] + b',"reports":[' + b",".join(reports) + b"]}"

    def boot(self, at: int) -> dict[str, Any]:
        """Which boot runs at an instant, and for how long; empty when its start lies weeks back."""
        start = self._life.last_start(at)
        if start is None:
            return {}
        return {
            "boot_id": self._device.digest("boot", start.zero_at),
            "monotonic_seconds": (at - start.zero_at) / 1000,
        }

    def _sections(self, begins_at: int, ends_at: int, *, wanted: Collection[str]) -> dict[str, Any]:
        sections: dict[str, Any] = {"use": use(self._life, begins_at, ends_at=ends_at, clock_ms=self._clock_ms)}
        starts = [
            self._start(start, ends_at)
            for day in self._life.days(begins_at - HOUR, ends_at)
            for start in day.starts
            if any(begins_at < at <= ends_at for at in _instants(start))
        ]
        if starts:
            sections["starts"] = starts
        sections["disks"] = self._disks(ends_at)
        if self._device.model.battery_wh:
            sections["battery"] = self._battery(ends_at)
        sections["restart"] = self._restart(ends_at)
        if "system" in wanted or self._life.patches(begins_at) != self._life.patches(ends_at):
            sections["system"] = self._system(ends_at)
        if "hardware" in wanted:
            sections["hardware"] = self._hardware()
        if "software" in wanted:
            sections["software"] = {"titles": self._device.titles}
        return sections

    def _start(self, start: Start, known_at: int) -> dict[str, Any]:
        """A start as far as it is known at an instant: it is told in pieces."""
        windows = self._device.model.family == "windows"
        marks = {"sign_in": start.sign_in, "settled": start.usable}  # systemd has no later end than its last unit
        if windows:
            marks = {name: getattr(start, name) for name in ("sign_in", "desktop", "usable", "settled")}
        told: dict[str, Any] = {
            "start_id": self._device.digest("start", start.zero_at),
            "kind": start.kind,
            "zero_at": iso(start.zero_at + self._clock_ms),
            "firmware_seconds": start.firmware,
            "after_update": start.after_update,
        }
        for name, seconds in marks.items():
            if start.zero_at + 1000 * seconds <= known_at:
                told[f"to_{name}_seconds"] = seconds
                told[f"to_{name}_quality"] = "own" if name == "usable" else "measured"
                told[f"to_{name}_revision"] = 1
        if start.culprits and "to_settled_seconds" in told:
            told["culprits"] = [{"name": n, "kind": kind, "seconds": s} for n, kind, s in start.culprits]
        return told

    def _disks(self, at: int) -> dict[str, Any]:
        name = "C:" if self._device.model.family == "windows" else "/"
        free, total = self._life.free_bytes(at), self._life.total_bytes
        return {"volumes": [{"name": name, "total_bytes": total, "free_bytes": free, "system": True}]}

    def _battery(self, at: int) -> dict[str, Any]:
        full, cycles = self._life.battery(at)
        design = self._device.model.battery_wh
        return {"packs": [{"name": "BAT0", "unit": "Wh", "design": design, "full": full, "cycles": cycles}]}

    def _restart(self, at: int) -> dict[str, Any]:
        """Updates are fetched from noon on the eve of a patch day, and wait for a start until its own noon."""
        waits = self._life.patch_day((at + DAY // 2) // DAY)
        return {"pending": True, "reasons": ["system_update"]} if waits else {"pending": False}

    def _system(self, at: int) -> dict[str, Any]:
        system = self._device.system
        revision = 2_000 + 61 * self._life.patches(at)
        return {
            "hostname": self._device.hostname,
            "os_family": system.family,
            "os_id": system.os_id,
            "os_name": system.name,
            "os_version": system.version,
            "os_build": f"{system.build}.{revision}" if system.family == "windows" else system.build,
            "os_edition": system.edition,
            "kernel": system.kernel,
            "architecture": "arm64" if system.family == "macos" else "x86_64",
        }

    def _hardware(self) -> dict[str, Any]:
        device, model = self._device, self._device.model
        drive = {"name": "disk0", "kind": device.drive, "size_bytes": model.drive_gb * 10**9, "system": True}
        return {
            "device_class": model.device_class,
            "chassis_code": CHASSIS_CODE[model.device_class],
            "manufacturer": model.manufacturer,
            "model": model.name,
            "serial": device.hints["system_serial"],
            "cpu_model": model.cpu,
            "cpu_threads": model.threads,
            "memory_bytes": device.memory_gb * GIB,
            "drives": [drive],
        }

    def _how_collectors_fare(self) -> dict[str, dict[str, Any]]:
        outcomes: dict[str, dict[str, Any]] = {
            name: {"outcome": "ok", "seconds": _SECONDS.get(name, 0.003)}
            for name in (*RARE, "starts", "use", "disks", "battery", "restart")
        }
        if not self._device.model.battery_wh:
            outcomes["battery"] = {"outcome": "absent", "seconds": 0.001}
        if self._device.model.family == "macos":
            outcomes["starts"] = {"outcome": "absent", "seconds": 0.001}
        if self._device.broken is not None and self._device.broken[0] in outcomes:
            name, outcome = self._device.broken
            problem = {"problem": "PermissionError: Permission denied"} if outcome == "failed" else {}
            outcomes[name] = {"outcome": outcome, "seconds": 0.002, **problem}
        return outcomes

    def _tells(self, name: str) -> bool:
        return bool(self._outcomes[name]["outcome"] == "ok")


def _instants(start: Start) -> tuple[float, ...]:
    return tuple(start.zero_at + 1000 * seconds for seconds in (0, start.sign_in, start.usable, start.settled))
