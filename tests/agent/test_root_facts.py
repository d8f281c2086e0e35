"""What root alone may read reaches an agent without rights by a file, which is hostile until checked."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.agent.answering import MusterServer
from tests.agent.process import environment, running
from tests.agent.waiting import waiting_in
from tests.fixtures import smbios_table
from tests.fixtures.machine import Fixture

from muster_agent import facts, identity
from muster_agent.collectors import hardware
from muster_agent.config import Settings
from muster_agent.report import Reporter
from muster_agent.sources import root_facts

OF_ROOT = ("sys/class/dmi/id/product_uuid", "sys/class/dmi/id/product_serial", "sys/firmware/dmi/tables/DMI")
TIMER = "/usr/lib/systemd/system/muster-agent-facts.timer"


def without_rights(fixture: Fixture) -> Fixture:
    """Let the agent read nothing that the kernel gives to root alone; a directory refuses even a test that is root."""
    for path in OF_ROOT:
        (fixture.root / path).unlink(missing_ok=True)
        (fixture.root / path).mkdir(parents=True)
    return fixture


def hand_over(fixture: Fixture, told: Any) -> None:
    """Put the file in place whole, as the command does."""
    fixture.write(f"{root_facts.PATH}.new", json.dumps(told))
    (fixture.root / f"{root_facts.PATH}.new".lstrip("/")).rename(fixture.root / root_facts.PATH.lstrip("/"))


def test_what_root_reads_is_what_an_agent_without_rights_tells(laptop: Fixture) -> None:
    laptop.write("/sys/firmware/dmi/tables/DMI", smbios_table.laptop())
    by_root, hints = hardware.collect(laptop.machine), identity.hints(laptop.machine)
    hand_over(laptop, facts.gather(laptop.machine))
    without_rights(laptop)

    assert hardware.collect(laptop.machine) == by_root
    assert identity.hints(laptop.machine) == hints
    assert by_root["serial"] == "7XK2Q93"
    assert len(by_root["memory_slots"]) == 2


def test_facts_that_come_late_go_into_the_next_report(laptop: Fixture) -> None:
    told = facts.gather(laptop.machine)
    without_rights(laptop)
    reporter = Reporter(laptop.machine, Settings(), hardware_hash=None)
    before = reporter.collect(("hardware",)).sections["hardware"]["serial"]
    hand_over(laptop, told)

    assert before is None
    assert reporter.collect(("hardware",)).sections["hardware"]["serial"] == "7XK2Q93"


def test_while_serial_and_uuid_are_withheld_there_is_no_hash_that_would_change_with_them(laptop: Fixture) -> None:
    whole = identity.hints(laptop.machine)["hardware_hash"]
    told = facts.gather(laptop.machine)
    without_rights(laptop)

    assert identity.hints(laptop.machine)["hardware_hash"] is None
    hand_over(laptop, told)
    assert identity.hints(laptop.machine)["hardware_hash"] == whole


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[1]", b"{", b"\xff", b"[" * 100_000, b'{"form":2,"dmi":{"product_serial":"OF-ANOTHER-FORM"}}',
        b'{"form":1,"dmi":{"product_serial":"TOO-MUCH"}}' + b" " * 500_000,
    ],
)  # fmt: skip
def test_a_file_that_is_not_what_it_should_be_tells_nothing(laptop: Fixture, content: bytes) -> None:
    without_rights(laptop).write(root_facts.PATH, content)

    assert hardware.collect(laptop.machine)["serial"] is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(list(root_facts._PARTS)), JSON))
@example({"memory": {"memory_slots": [{"bytes": True, "soldered": 1}, 7, None], "memory_limit_bytes": float("inf")}})
@example({"dmi": {"product_serial": "\ud800\x00" * 300, "product_uuid": ["x"]}})
def test_hostile_facts_are_checked_value_by_value(tmp_path_factory: pytest.TempPathFactory, told: Any) -> None:
    fixture = Fixture("container", tmp_path_factory.mktemp("hostile"))
    hand_over(fixture, {"form": 1, **told})

    for name in root_facts._PARTS:
        part = root_facts.read_part(fixture.machine, name)
        assert part is None or all(map(is_plain, leaves(part)))


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict | list):
        return [leaf for part in (value.values() if isinstance(value, dict) else value) for leaf in leaves(part)]
    return [value]


def is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value.encode()) <= 1_000 and "\x00" not in value
    return value is None or 0 <= value <= 2**60


def test_the_command_writes_for_the_group_alone_and_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "run" / "facts.json"
    line = [sys.executable, "-m", "muster_agent", "facts", "--to", str(path)]
    for _ in range(2):
        subprocess.run(line, env=environment(tmp_path, ""), check=True, umask=0o027)

    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert json.loads(path.read_text())["form"] == root_facts.FORM
    assert [file.name for file in path.parent.iterdir()] == ["facts.json"]


def test_a_young_device_enrols_once_root_has_told_what_names_it(
    laptop: Fixture, server: MusterServer, tmp_path: Path
) -> None:
    told = facts.gather(laptop.machine)
    laptop.write(TIMER, "[Timer]\n")
    without_rights(laptop)
    agent = young(laptop, tmp_path / "state", server)
    with running(environment(tmp_path / "state", server.url), agent) as process:
        process.wait_until(lambda: waiting_in(tmp_path / "state" / "spool"), "report")
        assert server.enrolments == []
        hand_over(laptop, told)
        server.wait_for(lambda: server.reports)
        assert process.stop() == 0

    (enrolment,) = server.enrolments
    assert enrolment.json["hardware"]["system_serial"] == "7XK2Q93"
    assert enrolment.json["hardware"]["hardware_hash"]


def young(fixture: Fixture, state: Path, server: MusterServer) -> list[str]:
    """An agent on the machine of a fixture that started a minute ago, and looks again at once."""
    program = (
        "import time; from muster_agent import loop; from muster_agent.config import Settings\n"
        "from muster_agent.machine import Machine; import psutil\n"
        "loop._LOOK_AGAIN_SECONDS = 0.2\n"
        "clocks = (time.time, lambda: time.monotonic() % 100 + 60, lambda: time.monotonic() % 100 + 60)\n"
        f"settings = Settings(server_url={server.url!r}, enrolment_key='mk_sesame', state_dir={str(state)!r})\n"
        f"loop.Agent(settings, Machine({str(fixture.root)!r}, clocks=clocks)).run(now=True)\n"
    )
    return [sys.executable, "-c", program]
