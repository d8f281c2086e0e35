"""Reports as an agent on each device would write them.

Enters: a device's life and a window of its time line. Leaves: the bytes of one report. A report is a function of its
arguments alone: sent again after a crash it is the same to the byte, as from a spool.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from tests.fleet.estate import Device
from tests.fleet.inventory import hardware, place, system
from tests.fleet.life import DAY, Life, iso
from tests.fleet.timeline import QUARTER, Window
from tests.fleet.use import use
from tests.fleet.waits import sign_ins, starts

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
        span = {"ends_at": ends_at, "clock_ms": self._clock_ms}
        waits = {"starts": starts(self._life, begins_at, **span), "sign_ins": sign_ins(self._life, begins_at, **span)}
        sections.update({name: told for name, told in waits.items() if told})
        sections["disks"] = self._disks(ends_at)
        if self._device.model.battery_wh:
            sections["battery"] = self._battery(ends_at)
        sections["restart"] = self._restart(ends_at)
        if "system" in wanted or self._life.patches(begins_at) != self._life.patches(ends_at):
            sections["system"] = system(self._life, ends_at)
        if "hardware" in wanted:
            sections["hardware"] = hardware(self._life, ends_at)
            if self._device.model.family == "windows":
                sections["place"] = place(self._device)
        if "software" in wanted:
            sections["software"] = {"titles": self._device.titles}
        return sections

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

    def _how_collectors_fare(self) -> dict[str, dict[str, Any]]:
        outcomes: dict[str, dict[str, Any]] = {
            name: {"outcome": "ok", "seconds": _SECONDS.get(name, 0.003)}
            for name in (*RARE, "place", "starts", "sign_ins", "use", "disks", "battery", "restart")
        }
        if not self._device.model.battery_wh:
            outcomes["battery"] = {"outcome": "absent", "seconds": 0.001}
        if self._device.model.family != "windows":
            outcomes["place"] = {"outcome": "absent", "seconds": 0.001}
        if self._device.model.family == "macos":
            outcomes["starts"] = outcomes["sign_ins"] = {"outcome": "absent", "seconds": 0.001}
        if self._device.broken is not None and self._device.broken[0] in outcomes:
            name, outcome = self._device.broken
            problem = {"problem": "PermissionError: Permission denied"} if outcome == "failed" else {}
            outcomes[name] = {"outcome": outcome, "seconds": 0.002, **problem}
        return outcomes

    def _tells(self, name: str) -> bool:
        return bool(self._outcomes[name]["outcome"] == "ok")
