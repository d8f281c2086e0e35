"""The agent's own timer, lived through by the clocks of simulated devices."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.windows_logs import full_boot, measured, shell_ready, signed_in
from tests.fixtures.windows_machine import BOOT, PERFORMANCE, SHELL, WAKE, WindowsFixture, iso, record

from muster_agent.collectors import starts
from muster_agent.usable import Quiet, Timer, eyes_of

DAY = 86_400.0


@pytest.fixture
def pc() -> WindowsFixture:
    """A PC 20 s after power-on: services are starting, the sign-in screen is shown."""
    made = WindowsFixture(elapsed_seconds=20.0)
    made.start(500, "LogonUI.exe", session=1)
    return made


def timer(pc: WindowsFixture) -> Timer:
    return Timer(pc.machine, eyes_of(pc.machine))


def live(pc: WindowsFixture, watching: Timer, seconds: float, *, cpu: float = 5.0) -> None:
    """Let time pass as the loop does, looking when the timer wants to."""
    until = pc.awake_seconds + seconds
    while pc.awake_seconds < until:
        wait, _ = watching.look()
        pc.go(min(wait, until - pc.awake_seconds), cpu=cpu)
    watching.look()


def sign_in(pc: WindowsFixture, *, session: int = 1, program: str = "explorer.exe") -> None:
    pc.end("LogonUI.exe")
    pc.windows.present = frozenset((*pc.windows.present, session))
    pc.start(1_000 + session, program, session=session)


def sign_out(pc: WindowsFixture, *, session: int = 1) -> None:
    pc.windows.present -= {session}
    pc.windows.running = [process for process in pc.windows.running if process.session != session]


def seen(pc: WindowsFixture) -> list[Any]:
    found: list[Any] = json.loads(json.dumps(pc.machine.notebook.get("seen", {}).get("desktops", [])))
    return found


def test_usable_is_when_the_processor_becomes_quiet_for_two_seconds_after_the_desktop(pc: WindowsFixture) -> None:
    watching = timer(pc)
    live(pc, watching, 30)
    sign_in(pc)
    shown = pc.wall_seconds
    live(pc, watching, 41, cpu=96)
    live(pc, watching, 10, cpu=20)

    ((desktop_at, usable_at, at_least),) = seen(pc)
    assert desktop_at == shown
    assert usable_at - shown == pytest.approx(41, abs=1.01)
    assert at_least is False


def test_a_moment_of_quiet_under_two_seconds_is_not_usable(pc: WindowsFixture) -> None:
    watching = timer(pc)
    live(pc, watching, 5)
    sign_in(pc)
    shown = pc.wall_seconds
    for _ in range(10):
        live(pc, watching, 3, cpu=90)
        live(pc, watching, 1, cpu=10)
    live(pc, watching, 10, cpu=10)

    assert seen(pc)[0][1] - shown == pytest.approx(39, abs=1.01)


def test_what_is_busy_for_longer_than_the_timer_waits_is_a_lower_bound(pc: WindowsFixture) -> None:
    watching = timer(pc)
    live(pc, watching, 5)
    sign_in(pc)
    live(pc, watching, 4_000, cpu=99)

    ((desktop_at, usable_at, at_least),) = seen(pc)
    assert (usable_at - desktop_at, at_least) == (2_700.0, True)


def test_a_device_at_which_nobody_signs_in_has_no_desktop(pc: WindowsFixture) -> None:
    live(pc, timer(pc), 3_000)

    assert seen(pc) == []
    assert pc.machine.notebook["seen"]["screens"] == [pc.ps.created[500]]


def test_a_kiosks_own_shell_is_its_desktop(pc: WindowsFixture) -> None:
    logon = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon"
    pc.key(logon, Shell=r'"C:\Program Files\Custody Board\board.exe" -full')
    watching = timer(pc)
    sign_in(pc, program="Board.exe")
    shown = pc.wall_seconds
    live(pc, watching, 30)

    assert [desktop[0] for desktop in seen(pc)] == [shown]


def test_a_session_without_the_configured_shell_has_no_desktop(pc: WindowsFixture) -> None:
    watching = timer(pc)
    sign_in(pc, program="something.exe")
    live(pc, watching, 900)

    assert seen(pc) == []


def test_an_agent_that_begins_long_after_the_start_times_nobody_who_was_there(pc: WindowsFixture) -> None:
    sign_in(pc)
    pc.go(700)
    live(pc, timer(pc), 60)

    assert seen(pc) == []


def test_a_desktop_older_than_ten_seconds_when_first_seen_is_known_but_not_timed(pc: WindowsFixture) -> None:
    sign_in(pc)
    shown = pc.wall_seconds
    pc.go(15)
    live(pc, timer(pc), 30)

    assert seen(pc) == [[shown, None, False]]


def test_a_later_sign_in_is_timed_too(pc: WindowsFixture) -> None:
    watching = timer(pc)
    sign_in(pc)
    live(pc, watching, 4_000)
    sign_out(pc)
    live(pc, watching, 60)
    sign_in(pc, session=2)
    shown = pc.wall_seconds
    live(pc, watching, 7, cpu=80)
    live(pc, watching, 30)

    desktop_at, usable_at, _ = seen(pc)[-1]
    assert desktop_at == shown
    assert usable_at - shown == pytest.approx(7, abs=5.01)  # looked for every 5 s on an ordinary day


def test_a_sleep_shows_nobody_a_new_desktop(pc: WindowsFixture) -> None:
    watching = timer(pc)
    sign_in(pc)
    live(pc, watching, 60)
    pc.go(1, asleep=8 * 3_600)
    live(pc, watching, 900)

    assert len(seen(pc)) == 1


def test_on_an_ordinary_day_it_looks_every_five_seconds(pc: WindowsFixture) -> None:
    watching = timer(pc)
    sign_in(pc)
    live(pc, watching, 1_000)

    assert watching.look() == (5.0, False)


def test_elsewhere_it_never_looks() -> None:
    machine = WindowsFixture().machine
    machine.system = "linux"

    assert Timer(machine, eyes_of(machine)).look() == (float("inf"), False)


@given(st.lists(st.tuples(st.floats(0.1, 5), st.floats(0, 1)), max_size=60))
def test_quiet_is_never_found_while_it_is_busy(stretches: list[tuple[float, float]]) -> None:
    quiet, at, busy_until = Quiet(), 0.0, 0.0
    for seconds, busy in stretches:
        found = quiet.see(at, at + seconds, busy=busy)
        at += seconds
        busy_until = at if busy >= 0.5 else busy_until
        if found is not None:
            assert found >= busy_until
            assert at - found >= 2
            return


def fast_start(pc: WindowsFixture, watching: Timer, *, day: int) -> float:
    """Shut down, a night, power on, sign in after a minute; busy for `10 + day` seconds. Gives the kernel's zero."""
    sign_out(pc, session=day)
    pc.end("LogonUI.exe")
    pc.start(500 + day, "LogonUI.exe", session=day + 1)  # the next sign-in screen is hibernated with the kernel
    pc.go(2, asleep=14 * 3_600)
    zero, first = pc.wall_seconds, 300 + 20 * day
    pc.windows.logs["System"] += [
        record(BOOT, 27, record=first, at=zero, BootType=1),
        record(WAKE, 1, record=first + 1, at=zero + 4, WakeTime=iso(zero + 3), WakeDuration=3_000, EffectiveState=5),
    ]
    live(pc, watching, 60)
    pc.windows.logs["System"].append(signed_in(pc.wall_seconds, first=first + 2, session=day + 1))
    live(pc, watching, 5, cpu=90)
    sign_in(pc, session=day + 1)
    live(pc, watching, 10 + day, cpu=90)
    live(pc, watching, 600)
    return zero


def test_one_agent_lives_through_a_full_start_and_three_fast_ones(pc: WindowsFixture) -> None:
    zero = pc.wall_seconds - 20
    pc.windows.logs["System"] = full_boot(zero, first=100)
    watching = timer(pc)
    pc.windows.logs["System"].append(signed_in(pc.wall_seconds, first=140))
    sign_in(pc)
    live(pc, watching, 300)
    starts.collect(pc.machine)

    told = []
    for day in (1, 2, 3):
        fast_start(pc, watching, day=day)
        found = starts.collect(pc.machine)
        assert found is not None
        told += [start for start in found if start["kind"] == "fast_startup"]

    assert len({start["start_id"] for start in told}) == 3
    # 3 s until the wake was over, 5 s from credentials to the desktop, then 11, 12 and 13 s of work. The minute in
    # which nobody typed is nobody's waiting.
    assert [start["to_sign_in_seconds"] for start in told] == pytest.approx([3, 3, 3])
    assert [start["to_desktop_seconds"] for start in told] == pytest.approx([8, 8, 8], abs=0.1)
    assert [start["to_usable_seconds"] for start in told] == pytest.approx([19, 20, 21], abs=1.1)
    assert {start["to_usable_quality"] for start in told} == {"own"}


def test_after_windows_own_measure_the_timer_adds_what_came_behind_the_desktop(pc: WindowsFixture) -> None:
    zero = pc.wall_seconds - 20
    watching = timer(pc)
    live(pc, watching, 3_600)
    pc.windows.logs["System"] = [*full_boot(zero, first=100), signed_in(pc.wall_seconds, first=140)]
    sign_in(pc)
    pc.windows.logs[SHELL] = shell_ready(pc.wall_seconds + 1, pc.wall_seconds + 4, first=5)
    live(pc, watching, 34, cpu=90)
    live(pc, watching, 60)
    pc.windows.logs[PERFORMANCE] = [measured(zero + 0.45, number=1)]

    (start,) = starts.collect(pc.machine) or []

    # The main path took 25 s; the shell was ready 4 s after it began, and the processor quiet 30 s after that.
    assert start["to_desktop_seconds"] == 25.0
    assert start["to_usable_seconds"] == pytest.approx(55, abs=1.1)


def test_a_capped_start_says_which_of_its_marks_is_a_lower_bound(pc: WindowsFixture) -> None:
    zero = pc.wall_seconds - 20
    watching = timer(pc)
    pc.windows.logs["System"] = [*full_boot(zero, first=100), signed_in(pc.wall_seconds, first=140)]
    sign_in(pc)
    live(pc, watching, 3_000, cpu=100)

    (start,) = starts.collect(pc.machine) or []

    assert start["lower_bounds"] == ["to_usable"]
    assert start["to_usable_seconds"] >= 2_700
