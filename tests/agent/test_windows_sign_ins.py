"""Sign-ins on Windows: how long, of which kind, and never whose."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fixtures.windows_logs import shell_ready
from tests.fixtures.windows_machine import (
    LOGON,
    POLICY,
    PROFILE,
    SESSIONS,
    SHELL,
    WindowsFixture,
    record,
)

from muster_agent.collectors import Collector, run_collector, sign_ins
from muster_agent.sources.windows import LogError

AUTOLOGON = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon"


@pytest.fixture
def pc() -> WindowsFixture:
    made = WindowsFixture()
    made.windows.logs = {PROFILE: [], LOGON: [], POLICY: [], SHELL: [], SESSIONS: []}
    return made


def sign_in(pc: WindowsFixture, **how: Any) -> float:
    """Somebody signs in now: 1.5 s of checking, profile 2 s, policy 9 s, shell from the 4th to the 11th second.

    Gives when the credentials were accepted.
    """
    accepted, first, session = pc.wall_seconds, how.get("first", 10), how.get("session", 1)
    logs = pc.windows.logs
    logs[LOGON] += [
        record(LOGON.split("/")[0], 1, record=first, at=accepted - 1.5),
        record(LOGON.split("/")[0], 2, record=first + 1, at=accepted, Win32Status=how.get("status", 0)),
    ]
    logs[PROFILE] += [
        record(PROFILE.split("/")[0], 1, record=first, at=accepted + 0.1, Session=session),
        record(PROFILE.split("/")[0], 67, record=first + 1, at=accepted + 0.2, LogonType="Regular",
               LocalPath=r"C:\Users\jane.doe", ProfileType=how.get("profile", "Regular")),
        record(PROFILE.split("/")[0], 2, record=first + 2, at=accepted + 2.1, Session=session),
    ]  # fmt: skip
    logs[POLICY].append(
        record(POLICY.split("/")[0], 8001, record=first, at=accepted + 10, PolicyElaspedTimeInSeconds=9,
               PrincipalSamName=r"FORCE\jane.doe", IsMachine="false")
    )  # fmt: skip
    logs[SHELL] += shell_ready(accepted + 4, accepted + 11, first=first, kind=how.get("kind", 8))
    logs[SESSIONS].append(
        record(SESSIONS.split("/")[0], 21, record=first, at=accepted + 3, User=r"FORCE\jane.doe", SessionID=session,
               Address=how.get("address", "LOCAL"))
    )  # fmt: skip
    pc.go(30)
    return accepted


def told(pc: WindowsFixture) -> list[dict[str, Any]]:
    return sign_ins.collect(pc.machine) or []


def test_a_sign_in_is_counted_from_credentials_accepted_with_its_parts(pc: WindowsFixture) -> None:
    sign_in(pc)

    (found,) = told(pc)

    assert {name: value for name, value in found.items() if name.endswith(("_seconds", "kind", "quality"))} == {
        "kind": "cached",
        "to_desktop_seconds": 11.0,
        "to_desktop_quality": "estimated",
        "authentication_seconds": 1.5,
        "profile_seconds": 2.0,
        "policy_seconds": 9,
        "shell_seconds": 7.0,
    }
    assert found["at"] == "2026-11-24T08:00:00.000Z"


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ({}, "cached"),
        ({"kind": 1034}, "first"),  # as in a real log, where first-sign-in setup ran
        ({"profile": "Roaming"}, "roaming"),
        ({"address": "10.1.2.3"}, "remote"),
        ({"address": "10.1.2.3", "kind": 1034}, "remote"),
    ],
)
def test_kinds_are_told_apart(pc: WindowsFixture, how: dict[str, Any], kind: str) -> None:
    sign_in(pc, **how)

    assert told(pc)[0]["kind"] == kind


def test_a_kiosk_signs_itself_in(pc: WindowsFixture) -> None:
    pc.key(AUTOLOGON, AutoAdminLogon="1")
    sign_in(pc)

    assert told(pc)[0]["kind"] == "automatic"


def test_without_the_shells_word_the_kind_is_unknown(pc: WindowsFixture) -> None:
    sign_in(pc)
    pc.windows.logs[SHELL] = []

    (found,) = told(pc)

    assert found["kind"] == "unknown"
    assert "to_desktop_seconds" not in found


def test_refused_credentials_are_not_when_it_began(pc: WindowsFixture) -> None:
    sign_in(pc, status=1326)

    (found,) = told(pc)

    assert found["at"] == "2026-11-24T08:00:00.100Z"
    assert "authentication_seconds" not in found


def test_the_agents_timer_tells_when_the_device_was_usable(pc: WindowsFixture) -> None:
    accepted = sign_in(pc)
    pc.machine.notebook["seen"] = {"desktops": [[accepted + 4.5, accepted + 26.0, False]]}

    (found,) = told(pc)

    assert (found["to_desktop_seconds"], found["to_usable_seconds"]) == (11.0, 26.0)
    assert "lower_bounds" not in found


def test_where_the_shell_is_silent_the_timers_desktop_counts(pc: WindowsFixture) -> None:
    accepted = sign_in(pc)
    pc.windows.logs[SHELL] = []
    pc.machine.notebook["seen"] = {"desktops": [[accepted + 4.5, accepted + 2_704.5, True]]}

    (found,) = told(pc)

    assert (found["to_desktop_seconds"], found["to_desktop_quality"]) == (4.5, "own")
    assert (found["to_usable_seconds"], found["lower_bounds"]) == (2_704.5, ["to_usable"])


def test_a_sign_in_is_told_once_and_again_when_more_of_it_is_known(pc: WindowsFixture) -> None:
    sign_in(pc)
    done = pc.windows.logs[SHELL].pop()
    (first,) = told(pc)
    pc.go(900)
    assert told(pc) == []
    pc.windows.logs[SHELL].append(done)

    (second,) = told(pc)

    assert second["sign_in_id"] == first["sign_in_id"]
    assert (first.get("to_desktop_seconds"), second["to_desktop_seconds"]) == (None, 11.0)


def test_everybody_of_a_shared_device_is_a_sign_in_of_their_own(pc: WindowsFixture) -> None:
    for shift in range(3):
        sign_in(pc, first=10 * (shift + 1), session=shift + 1)
        pc.go(8 * 3_600)

    found = told(pc)

    assert [entry["to_desktop_seconds"] for entry in found] == [11.0, 11.0, 11.0]
    assert len({entry["sign_in_id"] for entry in found}) == 3


def test_what_a_service_does_in_session_nought_is_no_sign_in(pc: WindowsFixture) -> None:
    sign_in(pc, session=0)

    assert told(pc) == []


def test_a_sign_in_of_which_nothing_was_timed_is_not_told(pc: WindowsFixture) -> None:
    pc.windows.logs[PROFILE] = [record(PROFILE.split("/")[0], 1, record=9, at=pc.wall_seconds, Session=1)]

    assert told(pc) == []


def test_the_ids_of_two_devices_differ_for_the_same_moment(pc: WindowsFixture) -> None:
    other = WindowsFixture()
    other.windows.logs = pc.windows.logs
    sign_in(pc)

    assert told(pc)[0]["sign_in_id"] != told(other)[0]["sign_in_id"]


def test_nothing_is_read_on_a_quiet_day(pc: WindowsFixture) -> None:
    sign_in(pc)
    told(pc)
    pc.go(2 * 3_600)
    asked = pc.windows.queries
    for _ in range(20):
        pc.go(900)
        told(pc)

    assert pc.windows.queries == asked


def test_a_log_that_is_switched_off_costs_its_part_alone(pc: WindowsFixture) -> None:
    sign_in(pc)
    pc.windows.refused[POLICY] = 15_007

    section, outcome = run_collector(pc.machine, Collector("sign_ins", sign_ins.collect, rare=False))

    assert "policy_seconds" not in section[0]
    assert outcome["outcome"] == "ok"
    assert POLICY in outcome["problem"]


def test_without_the_profile_services_log_the_collector_fails(pc: WindowsFixture) -> None:
    pc.windows.refused[PROFILE] = 5

    with pytest.raises(LogError):
        told(pc)
