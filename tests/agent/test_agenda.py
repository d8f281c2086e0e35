"""Agenda: what the agent does next, on a clock that is an argument."""

from __future__ import annotations

import pytest

from muster_agent.agenda import Agenda

NOW = 1_000.0


@pytest.fixture
def agenda() -> Agenda:
    return Agenda(NOW, sample_seconds=60)


def test_the_first_report_is_due_at_once_and_nothing_is_sent_before_it(agenda: Agenda) -> None:
    assert (agenda.seconds_to_next(NOW), agenda.report_at, agenda.send_at) == (0.0, NOW, float("inf"))


def test_a_report_goes_as_soon_as_it_is_made(agenda: Agenda) -> None:
    agenda.reported(NOW + 1, 900)

    assert (agenda.send_at, agenda.report_at) == (NOW + 1, NOW + 901)


def test_samples_keep_to_the_minute_however_long_one_takes(agenda: Agenda) -> None:
    agenda.sampled(NOW + 63)
    assert agenda.sample_at == NOW + 120


def test_after_hours_asleep_one_sample_is_due_and_not_one_for_every_minute(agenda: Agenda) -> None:
    agenda.sampled(NOW + 30_000)
    assert agenda.sample_at == NOW + 30_001


@pytest.mark.parametrize("wait", [3_600.0, 40.0])
def test_new_reports_do_not_end_a_wait_that_a_fault_or_a_revocation_began(agenda: Agenda, wait: float) -> None:
    agenda.reported(NOW, 15)
    agenda.sent(NOW, wait)

    for later in range(15, int(wait), 15):
        agenda.reported(NOW + later, 15)
        assert agenda.send_at == NOW + wait


def test_when_all_is_sent_sending_waits_for_the_next_report(agenda: Agenda) -> None:
    agenda.reported(NOW, 900)
    agenda.sent(NOW + 1, 0.0)

    assert agenda.send_at == float("inf")
    assert agenda.seconds_to_next(NOW + 1) == 59


@pytest.mark.parametrize("seconds", [300, 3_600])
def test_another_pace_holds_from_the_last_report_on(agenda: Agenda, seconds: float) -> None:
    agenda.reported(NOW + 10, 900)
    agenda.sent(NOW + 12, 0.0)

    agenda.paced(seconds)

    assert agenda.report_at == NOW + 10 + seconds


def test_what_the_server_wants_is_not_put_off_and_never_later_than_planned(agenda: Agenda) -> None:
    agenda.reported(NOW, 900)
    agenda.hurry_report(NOW + 5)
    assert agenda.report_at == NOW + 6
    agenda.hurry_report(NOW + 5.5)
    assert agenda.report_at == NOW + 6


def test_while_the_device_starts_the_first_report_waits_and_every_ten_seconds_somebody_looks() -> None:
    agenda = Agenda(NOW, sample_seconds=60, spread_seconds=30)
    agenda.await_start(NOW, 500)

    assert agenda.seconds_to_next(NOW) == 10
    agenda.looked(NOW + 10, over=False)
    assert (agenda.look_at, agenda.report_at) == (NOW + 20, NOW + 530)
    agenda.looked(NOW + 20, over=True)
    assert (agenda.look_at, agenda.report_at) == (float("inf"), NOW + 50)


def test_a_start_that_hangs_is_reported_once_and_looked_at_with_every_sample() -> None:
    agenda = Agenda(NOW, sample_seconds=60)
    agenda.await_start(NOW, 50)
    agenda.looked(NOW + 50, over=False)
    assert (agenda.look_at, agenda.report_at) == (NOW + 60, NOW + 50)
    agenda.reported(NOW + 50, 900)

    agenda.sampled(NOW + 60)
    agenda.looked(NOW + 60, over=False)
    assert (agenda.look_at, agenda.report_at) == (NOW + 120, NOW + 950)
    agenda.looked(NOW + 120, over=True)
    assert agenda.report_at == NOW + 120


def test_a_look_that_is_late_comes_a_second_later_and_not_at_once(agenda: Agenda) -> None:
    agenda.await_start(NOW, 0.0)

    agenda.looked(NOW + 500, over=False)

    assert agenda.look_at == NOW + 501


def test_asked_to_report_now_it_does_so_in_the_middle_of_a_start_and_again_when_that_is_over(agenda: Agenda) -> None:
    agenda.await_start(NOW, 0.0)

    assert agenda.report_at == NOW
    agenda.reported(NOW, 900)
    agenda.looked(NOW + 10, over=True)
    assert agenda.report_at == NOW + 10


def test_what_people_see_is_looked_for_when_the_timer_wants_and_told_soon() -> None:
    agenda = Agenda(1_000.0, sample_seconds=60)
    agenda.reported(1_000.0, 900)
    agenda.sent(1_000.0, 0)

    agenda.watched(1_001.0, 5, news=False)
    assert (agenda.seconds_to_next(1_001.0), agenda.report_at) == (5, 1_900)
    agenda.watched(1_006.0, 0.5, news=True)
    assert (agenda.seconds_to_next(1_006.0), agenda.report_at) == (0.5, 1_021)


def test_without_eyes_nobody_looks() -> None:
    agenda = Agenda(1_000.0, sample_seconds=60)
    agenda.watched(1_000.0, float("inf"), news=False)

    assert agenda.watch_at == float("inf")
