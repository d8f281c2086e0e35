"""Runs in the packaged Python, on Windows: makes every call that the agent makes there, and prints what came of each.

Enters: a folder to play in. Leaves: JSON, name → "ok", or the error that the system gave. A wrong signature is no error
of the system: it ends this program.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from muster_agent import config, enrolment, identity
from muster_agent.collectors import COLLECTORS
from muster_agent.machine import Machine
from muster_agent.service.folder import ADMINISTRATORS, SYSTEM, judge

if sys.platform == "win32":
    from muster_agent.sealing import seal, unseal
    from muster_agent.service.news import EVENTS
    from muster_agent.service.places import WindowsPlaces
    from muster_agent.service.security import account, read_sddl, secure
    from muster_agent.sources.windows.native import Native

    told: dict[str, Any] = {}
    machine = Machine()

    def call(name: str, made: Callable[[], Any]) -> Any:
        try:
            given = made()
        except OSError as error:
            if "access violation" in str(error):
                raise
            told[name] = f"{type(error).__name__}: {error}"
            return None
        told[name] = "ok"
        return given

    def natives(windows: Native) -> dict[str, Callable[[], Any]]:
        return {
            "values": lambda: windows.values(r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion"),
            "subkeys": lambda: windows.subkeys("HKEY_USERS"),
            "record_range": lambda: windows.record_range("System"),
            "events": lambda: windows.events("System", "*[System[EventID=12]]", most=5),
            "firmware_table": windows.firmware_table,
            "control": lambda: windows.control(r"\\.\PhysicalDrive0", 0x2D1400, request=bytes(12), room=2_048),
            "batteries": windows.batteries,
            "tpm": windows.tpm,
            "platform_role": windows.platform_role,
            "licence_state": lambda: windows.licence_state(bytes(16)),
            "signed_in": windows.signed_in,
            "processes": windows.processes,
            "fixed_proxy": windows.fixed_proxy,
            "scripted_proxy": lambda: windows.scripted_proxy("https://muster.example/"),
            "sparing": windows.sparing,
            "counters": lambda: windows.counters((r"\Memory\Page Reads/sec", r"\PhysicalDisk(*)\% Idle Time")),
        }

    def folders(place: Path) -> None:
        trusted = frozenset((SYSTEM, ADMINISTRATORS, account()))
        fresh, opened, taken, public = (place / name for name in ("fresh", "opened", "taken", "public"))
        told["fresh"] = (secure(str(fresh)), judge(read_sddl(str(fresh)), trusted))
        told["opened"] = (
            judge(read_sddl(str(opened)), trusted),
            secure(str(opened)),
            judge(read_sddl(str(opened)), trusted),
        )
        call("stubborn", lambda: secure(str(public / "opened")))
        taken.write_text("not a folder")
        told["taken"] = (secure(str(taken)), taken.is_dir(), sorted(path.name for path in place.iterdir()))

    def everything(place: str) -> None:
        windows = Native()
        calls = natives(windows)
        told["natives"] = sorted(name for name in dir(windows) if not name.startswith("_"))
        told["made"] = sorted(calls)
        for name, made in calls.items():
            call(name, made)
        told["table"] = len(call("firmware_table", windows.firmware_table) or b"")
        folders(Path(place))
        token = "m1.device.1.secret"
        told["sealed"] = (token in str(seal(token)), unseal(seal(token)) == token, unseal({"sealed_token": "AAAA"}))
        enrolment.keep(place, enrolment.Identity("device-1", token))
        told["kept"] = enrolment.load(place)
        places = WindowsPlaces(machine)
        for event in EVENTS.values():
            call(f"event {event.number}", partial(places.report, event, "A test."))
        told["clocks"] = (machine.elapsed() > 0, 0 < machine.awake() <= machine.elapsed() + 1)
        told["state_dir"] = config.Settings().state_dir
        told["hints"] = {name: value is not None for name, value in identity.hints(machine).items()}
        for collector in COLLECTORS:
            call(f"collector {collector.name}", partial(collector.collect, machine))

    everything(sys.argv[1])
    sys.stdout.write(json.dumps(told))
