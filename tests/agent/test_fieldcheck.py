"""fieldcheck: a stopwatch beside the agent's figures, in a file without a person in it that can be played again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.process import command, environment
from tests.fixtures.machine import Fixture
from tests.fixtures.windows_logs import full_boot, measured
from tests.fixtures.windows_machine import BOOT, PERFORMANCE, POWER, WindowsFixture, record
from tests.fixtures.windows_pc import SECRETS, laptop

from muster_agent import fieldcheck
from muster_agent.sources.windows import field, performance, system_log
from muster_agent.sources.windows.events import Event

# What real devices wrote; each is played again below. None yet: the README says so.
FILES = sorted((Path(__file__).parents[1] / "fixtures/field").glob("*.json"))
ANALYZED = (
    "Startup finished in 5.856s (firmware) + 14.325s (loader) + 1.5s (kernel) + 1min 2.345s (userspace) = 1min 24s"
)


def answering(*given_answers: str) -> Callable[[str], str]:
    left = list(given_answers)
    return lambda _question: left.pop(0)


def checked(machine: Any, path: Path, *given_answers: str) -> tuple[str, dict[str, Any]]:
    said = fieldcheck.check(machine, str(path), state_dir=str(path.parent), ask=answering(*given_answers))
    return said, json.loads(path.read_text())


@pytest.mark.parametrize(("text", "found"), [("95", 95.0), (" 1:35 ", 95.0), ("2:05.5", 125.5), ("", None)])
def test_a_time_is_written_as_a_stopwatch_shows_it(text: str, found: float | None) -> None:
    assert fieldcheck.seconds(text) == found


def test_a_time_that_is_none_is_asked_again(desktop: Fixture, tmp_path: Path) -> None:
    _, document = checked(desktop.machine, tmp_path / "field.json", "soon", "", "31", "", "")

    assert document["starts"][0]["stopwatch"] == {"sign_in": 31.0}


def test_both_figures_stand_beside_each_other_from_power_on(desktop: Fixture, tmp_path: Path) -> None:
    said, document = checked(desktop.machine, tmp_path / "field.json", "30", "1:05", "")

    start = document["starts"][0]["start"]
    before = (start.get("firmware_seconds") or 0) + (start.get("loader_seconds") or 0)
    own = start["to_sign_in_seconds"] + before
    assert f"the sign-in screen was ready: agent {own:.1f} s (measured), stopwatch 30.0 s" in said
    assert f"apart by {own - 30:+.1f} s" in said
    assert "you could work: agent unknown, stopwatch not measured" in said
    assert "1 of 6 starts are in" in said


def test_the_same_start_is_not_asked_for_twice(desktop: Fixture, tmp_path: Path) -> None:
    checked(desktop.machine, tmp_path / "field.json", "30", "", "")

    said, document = checked(desktop.machine, tmp_path / "field.json")

    assert "This start is in" in said
    assert len(document["starts"]) == 1


def test_on_linux_systemds_own_figures_stand_beside_it() -> None:
    assert fieldcheck.parse_analyzed(ANALYZED) == {
        "firmware": 5.856, "loader": 14.325, "kernel": 1.5, "userspace": 62.345,
    }  # fmt: skip


def test_where_no_start_is_known_it_says_so(tmp_path: Path) -> None:
    done = command("fieldcheck", env=environment(tmp_path, ""))

    if done.returncode == 2:  # this machine has no systemd
        assert "No start of this device is known" in done.stderr


def test_the_file_of_a_windows_pc_holds_nothing_of_a_person_and_no_hour_of_a_day(tmp_path: Path) -> None:
    pc = laptop()

    _, document = checked(pc.machine, tmp_path / "field.json", "30", "", "95")

    text = json.dumps(document)
    assert [secret for secret in SECRETS if secret.lower() in text.lower()] == []
    assert "FP-L-00417" not in text
    assert not re.search(r"20(?!01-0)\d\d-\d\d-\d\dT", text)  # shifted to the beginning of 2001
    assert document["answers"]["starts_by_kind"] == {"full": 2}


def test_a_person_who_is_called_by_a_number_or_stands_where_programs_do_is_not_in_the_file(tmp_path: Path) -> None:
    pc = laptop()
    log = "Microsoft-Windows-Winlogon"
    pc.windows.logs["System"].append(
        record("User32", 1074, record=161, at=pc.wall_seconds, param4="0x500ff", param5="restart", param7="4711")
    )
    pc.windows.logs[field.LOGON_CHANNEL] += [
        record(log, 811, record=number, at=pc.wall_seconds, SubscriberName=name)
        for number, name in ((8, "GPClient"), (9, "JaneDoe"))
    ]
    key = rf"SOFTWARE\Microsoft\Windows\CurrentVersion\WINEVT\Channels\{field.LOGON_CHANNEL}"
    pc.key(key, Enabled=1, ChannelAccess="granted to Jane")

    _, document = checked(pc.machine, tmp_path / "check.json", "", "", "")

    text = json.dumps(document)
    assert [name for name in ("4711", "JaneDoe", "Jane") if name in text] == []
    assert document["answers"]["winlogon_subscribers"] == {"GPClient": 1, "others": 1}


def test_the_records_of_a_file_give_the_same_figures_again(tmp_path: Path) -> None:
    _, document = checked(laptop().machine, tmp_path / "field.json", "", "", "")

    for written in [document, *(json.loads(file.read_text("utf-8")) for file in FILES)]:
        assert played(written) != []


def played(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The starts that the records tell, which must hold every figure of the newest one that was told."""
    events = [field.restored(entry) for entry in document["records"]]
    told = [found.found for found in map(performance.parse_start, events) if found]
    boots = system_log.boots_of([event for event in events if "Diagnostics" not in event.provider])
    newest = document["starts"][-1]["start"]
    assert boots[-1].kind == newest["kind"]
    if newest.get("to_settled_quality") == "measured":
        figures = {name: value for name, value in told[-1].items() if name.startswith("to_") and name in newest}
        assert figures == {name: newest[name] for name in figures}
    return told


def test_open_points_are_answered_by_kind() -> None:
    zero = 1_790_000_000.0
    system = full_boot(zero, first=100, pin=0)
    fast = full_boot(zero + 86_400, first=200, pin=0)
    fast = [xml.replace("Name='BootType'>0<", "Name='BootType'>1<") for xml in fast]
    broken = record(POWER, 41, record=300, at=zero + 90_000, BugcheckCode=0, PowerButtonTimestamp=0, LidState=1)
    pc = WindowsFixture()
    pc.windows.logs = {"System": [*system, *fast, broken], PERFORMANCE: [measured(zero, number=1)]}
    key = rf"SOFTWARE\Microsoft\Windows\CurrentVersion\WINEVT\Channels\{PERFORMANCE}"
    pc.key(key, Enabled=1, MaxSize=1_052_672, ChannelAccess="O:BAG:SYD:(A;;0x2;;;S-1-15-2-1)(A;;0xf0007;;;SY)")

    told = field.read(pc.machine)["answers"]

    assert told["starts_by_kind"] == {"fast_startup": 1, "full": 1}
    assert told["starts_with_event_100"] == {"fast_startup": 0, "full": 1}
    assert told["event_41_fields"] == ["BugcheckCode", "LidState", "PowerButtonTimestamp"]
    assert told["channels"][PERFORMANCE]["enabled"] == 1
    assert told["channels"][PERFORMANCE]["most_bytes"] == 1_052_672


def test_a_log_that_may_not_be_read_is_told_as_such() -> None:
    pc = WindowsFixture()
    pc.windows.refused = {PERFORMANCE: 5}

    assert field.read(pc.machine)["answers"]["channels"][PERFORMANCE]["readable"] is False


@given(st.dictionaries(st.text(max_size=30), st.text(max_size=60), max_size=8), st.integers(100, 112))
def test_of_a_records_texts_only_plain_values_leave(data: dict[str, str], number: int) -> None:
    event = Event(BOOT, number, 7, 1_790_000_000.0, 4, data)

    kept = field.reduced(event, -1_000.0)["data"]

    for value in kept.values():
        assert re.fullmatch(r"-?\d{1,19}|0x[0-9a-fA-F]{1,16}|true|false|[0-9T:.+-]{20,40}", value, re.IGNORECASE)
