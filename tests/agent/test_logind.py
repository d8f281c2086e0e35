"""Sign-ins on Linux: a session that logind notes, the program that draws its desktop, and the agent's own timer."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.machine import Fixture

from muster_agent import usable
from muster_agent.collectors import sign_ins, starts
from muster_agent.sources import logind

ACCOUNT = 52_417
PERSON = "j.example"


@pytest.fixture
def fresh(laptop: Fixture) -> Fixture:
    """A laptop that started 40 s ago and shows its sign-in screen, which was ready after 24.31 s."""
    laptop.elapsed_seconds = laptop.awake_seconds = 40.0
    (laptop.root / "run/systemd/sessions").mkdir(parents=True)
    (laptop.root / "proc").mkdir(exist_ok=True)
    return laptop


def sign_in(fixture: Fixture, name: str = "2", **fields: object) -> None:
    """Let logind note a session now."""
    noted = {
        "UID": ACCOUNT, "USER": PERSON, "ACTIVE": 1, "TYPE": "wayland", "ORIGINAL_TYPE": "wayland", "CLASS": "user",
        "REMOTE": 0, "SERVICE": "gdm-password", "REALTIME": round(fixture.wall_seconds * 1e6),
        "MONOTONIC": round(fixture.awake_seconds * 1e6), **fields,
    }  # fmt: skip
    fixture.write(f"/run/systemd/sessions/{name}", "".join(f"{key}={value}\n" for key, value in noted.items()))
    # The kernel notes in the folder that a file was put into it; the clock here may be too coarse to show that.
    os.utime(fixture.root / "run/systemd/sessions", (fixture.wall_seconds, fixture.wall_seconds))


def show_desktop(fixture: Fixture, pid: int = 2_001, *, account: int = ACCOUNT, name: str = "gnome-shell") -> None:
    """Let a program that draws a desktop begin now."""
    ticks = round(fixture.elapsed_seconds * 100)
    fixture.write(f"/proc/{pid}/comm", f"{name}\n")
    fixture.write(f"/proc/{pid}/stat", f"{pid} ({name}) S 1 1 1 0 -1 0 0 0 0 0 5 5 0 0 20 0 1 0 {ticks} 0 0\n")
    fixture.write(f"/proc/{pid}/status", f"Name:\t{name}\nUid:\t{account}\t{account}\t{account}\t{account}\nGid:\t1\n")


class Watched:
    """The agent's timer at work on a machine; the start's own collectors see what it wrote down."""

    def __init__(self, fixture: Fixture) -> None:
        self.fixture = fixture
        self.timer = usable.Timer(fixture.machine, usable.eyes_of(fixture.machine))

    def pass_by(self, seconds: float, *, cpu: float) -> None:
        """Let time pass, looked at as often as the timer asks."""
        until = self.fixture.elapsed_seconds + seconds
        while self.fixture.elapsed_seconds < until:
            wait = self.timer.look()[0]
            self.fixture.go(min(wait, 0.5), cpu=cpu)
        self.timer.look()


def collect(fixture: Fixture) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The sign-ins, and the running start."""
    (start,) = starts.collect(fixture.machine) or [{}]
    return sign_ins.collect(fixture.machine) or [], start


def test_a_sign_in_is_timed_to_its_desktop_and_until_the_device_is_usable(fresh: Fixture) -> None:
    watched = Watched(fresh)
    watched.pass_by(10, cpu=5)
    sign_in(fresh)
    watched.pass_by(3, cpu=90)
    show_desktop(fresh)
    watched.pass_by(20, cpu=90)
    watched.pass_by(5, cpu=10)

    (told,), start = collect(fresh)

    assert (told["to_desktop_seconds"], told["to_desktop_quality"], told["kind"]) == (3.0, "own", "unknown")
    assert told["to_usable_seconds"] == pytest.approx(23, abs=0.6)
    assert told["lower_bounds"] == []
    # The person came 25.69 s after the screen was ready: nobody waited for the device meanwhile.
    assert start["to_sign_in_seconds"] == 24.31
    assert (start["to_desktop_seconds"], start["to_desktop_quality"]) == (pytest.approx(27.31, abs=0.01), "own")
    assert start["to_usable_seconds"] == pytest.approx(47.3, abs=0.6)


def test_who_signs_in_automatically_keeps_nobody_waiting_at_a_screen(fresh: Fixture) -> None:
    watched = Watched(fresh)
    sign_in(fresh, SERVICE="gdm-autologin")
    watched.pass_by(2, cpu=90)
    show_desktop(fresh)
    watched.pass_by(5, cpu=10)

    (told,), start = collect(fresh)

    assert told["kind"] == "automatic"
    assert start["to_desktop_seconds"] == pytest.approx(42, abs=0.01)


def test_who_signs_in_from_elsewhere_is_told_apart_and_is_no_part_of_the_start(fresh: Fixture) -> None:
    watched = Watched(fresh)
    sign_in(fresh, REMOTE=1, TYPE="x11")
    watched.pass_by(2, cpu=90)
    show_desktop(fresh, name="xfdesktop")
    watched.pass_by(5, cpu=10)

    (told,), start = collect(fresh)

    assert told["kind"] == "remote"
    assert "to_desktop_seconds" not in start


@pytest.mark.parametrize(
    "fields", [{"CLASS": "greeter"}, {"TYPE": "tty"}, {"TYPE": "unspecified"}, {"UID": "root"}, {"REALTIME": ""}]
)
def test_what_is_no_person_at_a_desktop_is_no_sign_in(fresh: Fixture, fields: dict[str, object]) -> None:
    watched = Watched(fresh)
    sign_in(fresh, "c1", **fields)
    show_desktop(fresh)
    watched.pass_by(5, cpu=10)

    assert collect(fresh)[0] == []


def test_the_sign_in_screens_own_desktop_and_another_accounts_do_not_count(fresh: Fixture) -> None:
    show_desktop(fresh, 900, account=42)  # the greeter's
    show_desktop(fresh, 901)  # of an earlier session of this account
    watched = Watched(fresh)
    watched.pass_by(30, cpu=5)
    sign_in(fresh)
    watched.pass_by(4, cpu=90)

    assert collect(fresh)[0] == []  # nothing was timed: it would only say when somebody came to work
    show_desktop(fresh)
    watched.pass_by(5, cpu=10)
    fresh.machine.notebook.pop("starts")
    assert collect(fresh)[0][0]["to_desktop_seconds"] == 4.0


def test_each_sign_in_is_told_once_and_a_second_person_has_another_id(fresh: Fixture) -> None:
    watched = Watched(fresh)
    for number in (1, 2):
        sign_in(fresh, str(number))
        watched.pass_by(2, cpu=90)
        show_desktop(fresh, 2_000 + number)
        watched.pass_by(60, cpu=10)

    told = sign_ins.collect(fresh.machine) or []
    assert len({one["sign_in_id"] for one in told}) == 2
    assert sign_ins.collect(fresh.machine) == []


def test_a_clock_that_was_set_after_the_sign_in_does_not_stretch_it(fresh: Fixture) -> None:
    watched = Watched(fresh)
    sign_in(fresh)
    fresh.wall_seconds += 7_200  # the network told the time
    watched.pass_by(2, cpu=90)
    show_desktop(fresh)
    watched.pass_by(5, cpu=10)

    assert collect(fresh)[0][0]["to_desktop_seconds"] == 2.0


def test_a_desktop_that_stays_busy_is_told_as_a_lower_bound(fresh: Fixture) -> None:
    watched = Watched(fresh)
    sign_in(fresh)
    watched.pass_by(1, cpu=90)
    show_desktop(fresh)
    watched.pass_by(2_720, cpu=99)

    (told,), start = collect(fresh)

    assert told["lower_bounds"] == start["lower_bounds"] == ["to_usable"]
    assert told["to_usable_seconds"] == 2_701.0


def test_nothing_of_a_person_is_kept_or_told(fresh: Fixture) -> None:
    watched = Watched(fresh)
    sign_in(fresh, f"{PERSON}-7", REMOTE_USER=PERSON, REMOTE_HOST=f"{PERSON}.example", DESKTOP=PERSON, LEADER=4_711)
    watched.pass_by(2, cpu=90)
    show_desktop(fresh)
    watched.pass_by(5, cpu=10)

    told = json.dumps([*collect(fresh), fresh.machine.notebook])
    assert PERSON not in told
    assert str(ACCOUNT) not in told


def test_without_logind_sign_ins_are_absent_and_nobody_looks(container: Fixture) -> None:
    assert sign_ins.collect(container.machine) is None
    assert usable.eyes_of(container.machine) is None


NAMES = st.sampled_from(["UID", "CLASS", "TYPE", "REMOTE", "SERVICE", "REALTIME", "MONOTONIC"])
VALUES = st.sampled_from(["user", "x11", "1", "0", "9" * 30, "-5", "1e9"]) | st.text(max_size=20)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=9), st.text(max_size=100))
def test_no_session_or_process_gives_a_figure_from_nonsense(fields: list[tuple[str, str]], text: str) -> None:
    session = logind.parse_session("\n".join(f"{name}={value}" for name, value in fields) + text)
    assert session is None or (0 < session.number <= 10**16 and session.kind in ("unknown", "remote", "automatic"))
    assert (logind.parse_began(text) or 0) >= 0
    assert (logind.parse_account(text) or 0) >= 0
