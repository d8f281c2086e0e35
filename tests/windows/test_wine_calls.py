"""Under Wine: every call of Windows that the agent makes gives what it should, or an error of the system."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.windows.conftest import Built
from tests.windows.wine import Wine, windows_path

from muster_agent.collectors import COLLECTORS
from muster_agent.service.news import EVENTS

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
# What Wine 8 has as a stub or not at all, and the proxy script, which no network here has; everything else works there.
LACKING = {
    "record_range", "events", "licence_state", "scripted_proxy", "signed_in", "stubborn",
    "collector starts", "collector sign_ins",
}  # fmt: skip


@pytest.fixture(scope="module")
def told(wine: Wine, built: Built, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a program in the packaged Python says of its calls."""
    script = Path(__file__).with_name("inside.py")
    place = tmp_path_factory.mktemp("inside")
    for name in ("opened", "public", "public/opened"):
        (place / name).mkdir()
        (place / name).chmod(0o777)  # whatever the mask of this process is
    said = wine.run(windows_path(built.folder / "python.exe"), "-I", windows_path(script), windows_path(place))
    answer: dict[str, Any] = json.loads(said)
    return answer


def test_every_call_was_made_and_what_wine_has_works(told: dict[str, Any]) -> None:
    calls = {
        name: result for name, result in told.items() if isinstance(result, str) and name not in ("state_dir", "opened")
    }
    failed = {name: result for name, result in calls.items() if result != "ok"}

    assert told["natives"] == told["made"]
    assert {f"collector {collector.name}" for collector in COLLECTORS} <= set(calls)
    assert {f"event {event.number}" for event in EVENTS.values()} <= set(calls)
    assert set(failed) <= LACKING, failed


def test_the_firmware_table_gives_the_hints_of_this_machine(told: dict[str, Any]) -> None:
    assert told["table"] > 100
    assert told["hints"]["smbios_uuid"]
    assert told["hints"]["hardware_hash"]
    assert told["hints"]["machine_hash"]


def test_a_new_state_folder_is_ours_alone(told: dict[str, Any]) -> None:
    assert told["fresh"] == [[], "good"]
    assert told["state_dir"] == r"C:\ProgramData\Muster\Agent"


def test_an_open_folder_is_closed(told: dict[str, Any]) -> None:
    before, (said,), after = told["opened"]

    assert (before, after) == ("open", "good")
    assert said.startswith("Others than SYSTEM and Administrators had rights to ")


def test_a_folder_that_stays_open_to_others_is_not_used(told: dict[str, Any]) -> None:
    # In a folder that is open itself, Wine puts the rights back that were taken away.
    assert told["stubborn"].startswith("OSError: ")
    assert "keep rights to it" in told["stubborn"]


def test_what_is_no_folder_is_put_aside(told: dict[str, Any]) -> None:
    (said,), is_folder, names = told["taken"]

    assert "it was put aside as" in said
    assert is_folder
    assert "taken.foreign-1" in names


def test_a_token_is_sealed_and_what_was_not_sealed_here_is_none(told: dict[str, Any]) -> None:
    assert told["sealed"] == [False, True, None]
    assert told["kept"] == ["device-1", "m1.device.1.secret"]


def test_nothing_is_loaded_from_the_current_folder_or_the_environment(wine: Wine, built: Built, tmp_path: Path) -> None:
    # Modules that would end the program lie wherever a person could put them.
    for name in ("json.py", "psutil.py", "muster_agent.py", "usercustomize.py", "sitecustomize.py"):
        (tmp_path / name).write_text("import os; os._exit(77)\n")
    led = dict.fromkeys(("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE"), windows_path(tmp_path))

    said = wine.run(
        windows_path(built.folder / "python.exe"), "-I", "-m", "muster_agent", "show",
        place=tmp_path, env=led,
    )  # fmt: skip

    assert json.loads(said)["agent"]["platform"] == "win32"


def test_clocks_go_on(told: dict[str, Any]) -> None:
    assert told["clocks"] == [True, True]
