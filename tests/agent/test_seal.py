"""A golden image: silent where it is made, and a device of its own wherever it is copied to."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.agent.answering import MusterServer
from tests.agent.process import command, environment, running
from tests.agent.waiting import waiting_in
from tests.fixtures.machine import Fixture

from muster_agent import seal
from muster_agent.config import Settings
from muster_agent.doctor import examine
from muster_agent.loop import Agent
from muster_agent.machine import Machine

UUID = "/sys/class/dmi/id/product_uuid"
OTHER = "4c4c4544-0033-5a10-8051-b4c04f4b3333"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_a_sealed_machine_is_known_by_its_hardware_and_a_copy_on_other_hardware_is_not(
    laptop: Fixture, state: Path
) -> None:
    assert seal.seal(str(state), laptop.machine) == "its hardware"
    assert not seal.open_elsewhere(str(state), laptop.machine)

    laptop.write(UUID, OTHER)

    assert seal.open_elsewhere(str(state), laptop.machine)
    laptop.write(UUID, "33221100-5544-7766-8899-aabbccddeeff")
    assert seal.open_elsewhere(str(state), laptop.machine)  # it has begun: the seal is off for good


def test_where_the_hardware_tells_nothing_the_machine_id_decides_and_that_is_said(
    container: Fixture, state: Path
) -> None:
    container.write("/etc/machine-id", "5d1e9d2f0a4b4c36a1f2c3d4e5f60718")

    assert seal.seal(str(state), container.machine) == "its machine id, since the hardware tells no serial"
    assert not seal.open_elsewhere(str(state), container.machine)
    container.write("/etc/machine-id", "0123456789abcdef0123456789abcdef")
    assert seal.open_elsewhere(str(state), container.machine)


def test_a_copy_that_cannot_be_told_from_the_sealed_machine_yet_stays_silent(laptop: Fixture, state: Path) -> None:
    seal.seal(str(state), laptop.machine)
    for name in ("product_uuid", "product_serial"):
        (laptop.root / f"sys/class/dmi/id/{name}").unlink()
    (laptop.root / "etc/machine-id").unlink()
    for drive in laptop.root.rglob("device/serial"):
        drive.unlink()

    assert not seal.open_elsewhere(str(state), laptop.machine)


def test_until_root_has_told_what_names_the_hardware_a_new_machine_id_alone_takes_no_seal_off(
    laptop: Fixture, state: Path
) -> None:
    seal.seal(str(state), laptop.machine)
    laptop.write("/usr/lib/systemd/system/muster-agent-facts.timer", "")
    laptop.write("/etc/machine-id", "0123456789abcdef0123456789abcdef")
    for name in ("product_uuid", "product_serial"):
        (laptop.root / f"sys/class/dmi/id/{name}").unlink()
        (laptop.root / f"sys/class/dmi/id/{name}").mkdir()  # refuses even a test that is root

    laptop.elapsed_seconds = 30.0
    assert not seal.open_elsewhere(str(state), laptop.machine)

    laptop.elapsed_seconds = 3_600.0  # root tells nothing on this machine: the machine id is all there is
    assert seal.open_elsewhere(str(state), laptop.machine)


def test_what_cannot_be_told_from_its_copies_is_not_sealed(container: Fixture, state: Path) -> None:
    with pytest.raises(ValueError, match="tells this machine from its copies"):
        seal.seal(str(state), container.machine)
    assert not state.exists()


def test_reset_with_seal_forgets_the_device_and_the_agent_is_silent_here(server: MusterServer, state: Path) -> None:
    env = environment(state, server.url)
    command("once", env=env)

    sealed = command("reset", "--seal", "--yes", env=env)

    assert (sealed.returncode, sealed.stdout.partition(":")[0]) == (0, "Sealed")
    assert not (state / "identity.json").exists()
    once = command("once", env=env)
    assert once.returncode == 1
    assert "sealed as a golden image" in once.stderr
    with running(env) as agent:
        agent.wait_until_it_says("begins on other hardware only")
        assert agent.stop(seconds=2) == 0
    assert len(server.enrolments) == 1
    assert waiting_in(state / "spool") == []
    findings = {finding.check: finding for finding in examine(Settings(state_dir=str(state)), Machine())}
    assert findings["identity"].detail == "sealed as a golden image: the agent begins on other hardware only"


def test_a_copy_on_other_hardware_enrols_and_reports(server: MusterServer, laptop: Fixture, state: Path) -> None:
    seal.seal(str(state), laptop.machine)
    laptop.write(UUID, OTHER)

    settings = Settings(server_url=server.url, enrolment_key="mk_sesame", state_dir=str(state))
    told = Agent(settings, laptop.machine).once()

    assert told.trouble == ""
    assert len(server.enrolments) == len(server.reports) == 1


def test_an_image_without_a_key_is_not_sealed_and_the_reason_is_said(state: Path) -> None:
    done = command("reset", "--seal", "--yes", env=environment(state, "", enrolment_key=""))

    assert done.returncode == 2
    assert "enrols with its key, and none is set" in done.stderr
