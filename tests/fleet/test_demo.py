"""The demo in small: the estate as a program beside a real server, and every planted fault beside what Muster says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import func, select
from tests.fleet.estate import make_device
from tests.fleet.life import DAY
from tests.fleet.served import Muster, running
from tests.server import postgresql

from muster_server.clock import now_ms
from muster_server.models import device_days, device_state, devices, flags, ledger, reports, verdicts

SEED = 19  # among whose first 40 devices every fault stands
ROOT = Path(__file__).parents[2]
RULE_OF = {
    "worn_cell": "battery_worn",
    "short_memory": "memory_short",
    "slow_service": "slow_start",
    "hard_disk": "hard_disk",
    "full_disk": "disk_nearly_full",
    "old_system": "os_unsupported",
}
# A start from a hard disk is slow because of what a hard disk is.
FAULTS_OF = {**{rule: {fault} for fault, rule in RULE_OF.items()}, "slow_start": {"slow_service", "hard_disk"}}

pytestmark = pytest.mark.timeout(900)  # the fixture sends and folds tens of thousands of reports


class Demo(NamedTuple):
    """An estate that was sent, folded and judged."""

    muster: Muster
    truth: dict[str, dict[str, bool]]  # hostname -> planted fault -> whether its evidence is sustained
    said: str  # what the program said

    def rows(self, *columns: Any) -> list[Any]:
        with self.muster.database.read() as connection:
            return list(connection.execute(select(*columns)))

    def flagged(self) -> dict[str, set[str]]:
        """Hostname -> rules of its open flags."""
        joined = select(device_state.c.hostname, flags.c.rule_id).join_from(
            flags, device_state, device_state.c.device_id == flags.c.device_id
        )
        found: dict[str, set[str]] = {hostname: set() for hostname in self.truth}
        with self.muster.database.read() as connection:
            for hostname, rule in connection.execute(joined.where(flags.c.cleared_at.is_(None))):
                found[hostname].add(rule)
        return found


@contextmanager
def played(muster: Muster, size: int) -> Iterator[Demo]:
    """The estate's own program beside a server, until it says that everything is judged."""
    directory = Path(muster.settings.data_dir)
    keys = json.dumps([{"unit": None, "site": None, "key": key} for key in muster.door.keys])
    given = {"MUSTER_FLEET_SERVER": muster.door.url, "MUSTER_FLEET_KEYS": keys, "MUSTER_DATA_DIR": str(directory)}
    command = [sys.executable, "-m", "tests.fleet", "--devices", str(size), "--seed", str(SEED)]
    said = directory / "said"
    with said.open("wb") as output:
        program = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **given}, stdout=output, stderr=output)
    try:
        while "at its own pace" not in said.read_text() and program.poll() is None:
            muster.work()
            time.sleep(0.2)
        truth = json.loads((directory / "fleet-truth.json").read_text())["devices"]
        yield Demo(muster, truth, said.read_text())
    finally:
        program.terminate()
        assert program.wait(20) == 0


@pytest.fixture(scope="module", params=[("sqlite", 200), ("postgresql", 40)], ids=lambda param: param[0])
def demo(request: pytest.FixtureRequest) -> Iterator[Demo]:
    """On each store; the estate is smaller on PostgreSQL."""
    kind, size = request.param
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="muster-fleet-"))
        url = f"sqlite:///{directory}/muster.db"
        if kind == "postgresql":
            url = stack.enter_context(postgresql.running_server()).fresh_url()
        muster = stack.enter_context(running(url, Path(directory)))
        yield stack.enter_context(played(muster, size))


def test_the_server_takes_every_report_whole(demo: Demo) -> None:
    assert "did not take" not in demo.said
    assert f"{len(demo.truth)} devices judged after" in demo.said
    assert demo.rows(func.max(reports.c.split)) == [(0,)]
    assert "reports_not_folded" not in {row.name for row in demo.rows(ledger)}


def test_every_device_is_on_the_page_in_a_unit_and_judged(demo: Demo) -> None:
    assert sorted(row.hostname for row in demo.rows(device_state)) == sorted(demo.truth)
    assert {row.unit for row in demo.rows(devices)} == {"Response", "Custody"}
    assert {row.error for row in demo.rows(verdicts)} == {None}
    assert len(demo.rows(verdicts)) == len(demo.truth)


def test_every_fault_whose_evidence_is_sustained_is_flagged_and_no_sound_device_is(demo: Demo) -> None:
    flagged = demo.flagged()
    sustained = [(host, RULE_OF[f]) for host, told in demo.truth.items() for f in told if f in RULE_OF and told[f]]
    missed = [(host, rule) for host, rule in sustained if rule not in flagged[host]]
    raised = [(host, rule) for host, rules in flagged.items() for rule in sorted(rules)]
    wrong = [(host, rule) for host, rule in raised if not FAULTS_OF[rule] & demo.truth[host].keys()]

    found = Counter(rule for _, rule in sustained)
    print(f"flagged {len(sustained) - len(missed)} of {len(sustained)} sustained faults: {dict(sorted(found.items()))}")
    print(f"flagged wrongly {len(wrong)} of {len(raised)} flags")
    assert set(found) == set(FAULTS_OF)
    assert (missed, wrong) == ([], [])


def test_a_device_gone_silent_was_last_heard_of_when_it_fell_silent(demo: Demo) -> None:
    heard = {row.hostname: row.reported_at for row in demo.rows(device_state)}
    silent = {host: told for host, told in demo.truth.items() if "silent" in told}
    days = {device.hostname: device.silent_days for device in map(partial(make_device, SEED), range(len(demo.truth)))}

    assert {host: round((now_ms() - heard[host]) / DAY) for host in silent} == {host: days[host] for host in silent}
    assert all(now_ms() - at < DAY / 24 for host, at in heard.items() if host not in silent)


def test_facts_of_a_wrong_clock_land_on_their_own_days(demo: Demo) -> None:
    wrong = [host for host, told in demo.truth.items() if "wrong_clock" in told and "silent" not in told]
    joined = select(func.min(device_days.c.day_at), func.max(device_days.c.day_at), func.count()).join_from(
        device_days, device_state, device_state.c.device_id == device_days.c.device_id
    )
    with demo.muster.database.read() as connection:
        for host in wrong:
            first, last, count = connection.execute(joined.where(device_state.c.hostname == host)).one()
            assert now_ms() - last < DAY
            assert now_ms() - first == pytest.approx(182 * DAY, abs=2 * DAY)
            assert count == pytest.approx(182, abs=3)
    assert wrong


def test_a_collector_that_fails_or_is_absent_is_told_and_its_rule_judges_nobody(demo: Demo) -> None:
    broken = {d.hostname: d.broken for d in map(partial(make_device, SEED), range(len(demo.truth))) if d.broken}
    outcomes = {row.hostname: json.loads(row.outcomes) for row in demo.rows(device_state)}
    told = {host: of for host, of in broken.items() if of[0] != "hard_faults"}  # no collector: a column of `use`

    assert {host: outcomes[host][of[0]]["outcome"] for host, of in told.items()} == {h: of[1] for h, of in told.items()}
    assert told
