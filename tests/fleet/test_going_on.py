"""An estate that was ended or killed goes on where it was: nothing twice, nothing lost, nobody taken for another."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.fleet.life import DAY, HOUR
from tests.fleet.sender import Sender, now_ms
from tests.fleet.served import Muster, running
from tests.fleet.state import Standing, State, go_on

from muster_server.models import devices, reports

DEVICES = 6


@pytest.fixture
def muster(tmp_path: Path) -> Iterator[Muster]:
    with running(f"sqlite:///{tmp_path / 'muster.db'}", tmp_path) as server:
        yield server


class Killed(State):
    """The state of a run that is killed before it can remember what it sent."""

    def stand(self, number: int, standing: Standing) -> None:
        if self.standing(number) is None:
            super().stand(number, standing)


def send(muster: Muster, state: State, *, later_ms: int = 0) -> Counter[str]:
    """One run of the estate, at a time so much later than now, ended when all is sent; gives its counts."""

    def now() -> int:
        return now_ms() + later_ms

    sender = Sender(muster.door, go_on(state, now(), seed=1, days=5), state, now=now)
    refused: list[Exception] = []
    sender.start(range(DEVICES), threads=2, fail=refused.append)
    while sender.behind and not refused:
        time.sleep(0.02)
    sender.stop()
    state.close()
    assert refused == []
    return sender.counts


def stored(muster: Muster) -> tuple[int, int]:
    """(devices, reports); fails when a report was kept apart."""
    with muster.database.read() as connection:
        assert connection.scalar(select(func.count()).where(reports.c.split != 0)) == 0
        counted = [connection.scalar(select(func.count()).select_from(table)) or 0 for table in (devices, reports)]
    return counted[0], counted[1]


def test_a_second_run_sends_only_what_is_new(muster: Muster, tmp_path: Path) -> None:
    first = send(muster, State(tmp_path / "fleet.db"))
    again = send(muster, State(tmp_path / "fleet.db"))

    assert first["accepted"] >= (DEVICES - 1) * (5 + 192)
    assert again["duplicate"] == 0
    assert stored(muster) == (DEVICES, first["accepted"] + again["accepted"])


def test_after_a_pause_of_days_what_was_missed_comes_by_the_day(muster: Muster, tmp_path: Path) -> None:
    first = send(muster, State(tmp_path / "fleet.db"))
    again = send(muster, State(tmp_path / "fleet.db"), later_ms=9 * DAY)

    assert again["accepted"] <= DEVICES * (7 + 3 * 96)
    assert again["duplicate"] == 0
    assert stored(muster) == (DEVICES, first["accepted"] + again["accepted"])


def test_a_run_that_was_killed_sends_the_same_bytes_again(muster: Muster, tmp_path: Path) -> None:
    first = send(muster, Killed(tmp_path / "fleet.db"))
    again = send(muster, State(tmp_path / "fleet.db"))

    assert again["duplicate"] == first["accepted"]
    assert stored(muster) == (DEVICES, first["accepted"] + again["accepted"])


def test_a_store_that_was_emptied_is_told_everything_again(muster: Muster, tmp_path: Path) -> None:
    first = send(muster, State(tmp_path / "fleet.db"))
    (tmp_path / "other").mkdir()
    with running(f"sqlite:///{tmp_path / 'other' / 'muster.db'}", tmp_path / "other") as other:
        send(other, State(tmp_path / "fleet.db"), later_ms=2 * HOUR)

        assert stored(other)[0] == DEVICES
        assert stored(other)[1] >= first["accepted"]
