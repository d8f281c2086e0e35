"""macOS: its programs' words and property lists become sections; what makes no sense is unknown.

Checked against documents as public programs show them, not on a Mac. The whole document is in golden/mac.json.
"""

from __future__ import annotations

import json
import plistlib
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.test_nonsense import NONSENSE, figures
from tests.agent.test_privacy import PERSON, SECRETS, texts
from tests.fixtures.agent_report import body_of
from tests.fixtures.machine import Fixture

from muster_agent.collectors import COLLECTORS, run_collector
from muster_agent.sources.macos import plists, profiler, shutdown, starts, sysctl
from muster_agent.usable import Timer, eyes_of

BEGAN = 1_000_000.0
KEYS = st.sampled_from((
    "DesignCapacity", "MaxCapacity", "CurrentCapacity", "AppleRawMaxCapacity", "CycleCount", "BatteryData",
    "size_in_bytes", "device_model", "smart_status", "spsata_medium_type", "_items", "machine_name",
))  # fmt: skip


@pytest.fixture
def mac(tmp_path: Path) -> Fixture:
    return Fixture("mac", tmp_path)


def section(fixture: Fixture, name: str) -> Any:
    collector = next(collector for collector in COLLECTORS if collector.name == name)
    return run_collector(fixture.machine, collector)[0]


def pack(**values: Any) -> dict[str, object]:
    return plists.parse_packs(plistlib.dumps([values]))[0]


def test_a_battery_of_apples_own_chips_is_told_in_ampere_hours_and_its_charge_in_percent() -> None:
    told = pack(DesignCapacity=6075, AppleRawMaxCapacity=5312, MaxCapacity=100, CurrentCapacity=83, CycleCount=214)

    assert (told["unit"], told["design"], told["full"], told["charge_percent"]) == ("Ah", 6.075, 5.312, 83.0)
    assert told["cycles"] == 214


def test_a_battery_of_an_intel_mac_tells_both_in_milliampere_hours() -> None:
    told = pack(DesignCapacity=6330, MaxCapacity=5064, CurrentCapacity=2532, CycleCount=700, ExternalConnected=True)

    assert (told["design"], told["full"], told["charge_percent"]) == (6.33, 5.064, 50.0)
    assert told["state"] == "not_charging"


def test_a_battery_whose_figures_stand_one_level_deeper_is_read_there() -> None:
    told = pack(
        MaxCapacity=100, CurrentCapacity=90, BatteryData={"DesignCapacity": 8579, "NominalChargeCapacity": 8000}
    )

    assert (told["design"], told["full"], told["charge_percent"]) == (8.579, 8.0, 90.0)


def test_a_full_capacity_that_is_only_a_percentage_is_none_in_ampere_hours() -> None:
    assert pack(DesignCapacity=6075, MaxCapacity=100, CurrentCapacity=50)["full"] is None


def test_a_desktop_has_no_battery(mac: Fixture) -> None:
    mac.programs["battery"] = ""

    assert section(mac, "battery") is None


@pytest.mark.parametrize(
    ("cause", "end"),
    [("5", "clean"), ("0", "power_lost"), ("3", "long_button_press"), ("-128", "unexpected"), ("7", None)],
)
def test_how_the_run_before_ended_is_the_kernels_word(mac: Fixture, cause: str, end: str | None) -> None:
    mac.programs["shutdown_cause"] = f"localhost kernel[0]: Previous shutdown cause: {cause}\n"

    assert section(mac, "starts")[0]["stop_before"] == end


def test_the_slow_log_is_asked_once_for_each_start_even_when_it_says_nothing(mac: Fixture) -> None:
    del mac.programs["shutdown_cause"]

    section(mac, "starts")
    mac.machine.notebook["starts"]["read"]["gate"] = None
    section(mac, "starts")

    assert [argv[0] for argv in mac.ran].count("/usr/bin/log") == 1


def test_definitions_are_no_update_of_the_system() -> None:
    raw = (Path(__file__).parents[1] / "fixtures/machines/mac/root/Library/Receipts/InstallHistory.plist").read_bytes()

    assert plists.parse_updated_on(raw) == "2026-09-16"


def test_a_mac_mini_is_a_desktop_and_a_virtual_machine_is_virtual(mac: Fixture) -> None:
    mac.programs["profile"] = mac.programs["profile"].replace("MacBook Pro", "Mac mini")
    assert section(mac, "hardware")["device_class"] == "desktop"

    mac.programs["sysctl"] = mac.programs["sysctl"].replace("hv_vmm_present: 0", "hv_vmm_present: 1")
    mac.machine.once("sysctl", lambda: sysctl.parse_sysctl(mac.programs["sysctl"]), seconds=-1)
    assert section(mac, "hardware")["device_class"] == "virtual"


def test_a_turning_drive_and_one_that_warns_of_its_end_are_told() -> None:
    drive = {
        "bsd_name": "disk0",
        "spsata_medium_type": "Rotational",
        "smart_status": "Failing",
        "size_in_bytes": 10**12,
    }
    plugged = {"bsd_name": "disk9", "spsata_medium_type": "Solid State", "detachable_drive": "yes"}
    told = profiler.parse_profile(json.dumps({"SPSerialATADataType": [{"_items": [drive, plugged]}]}))

    (found,) = told["drives"]
    assert (found["kind"], found["failing"], found["size_bytes"]) == ("hdd", True, 10**12)


def test_programs_that_are_missing_fail_their_own_sections_and_no_other(mac: Fixture) -> None:
    mac.programs.clear()

    outcomes = json.loads(body_of(mac))["reports"][0]["outcomes"]

    assert outcomes["hardware"]["outcome"] == outcomes["battery"]["outcome"] == "failed"
    assert outcomes["disks"]["outcome"] == outcomes["software"]["outcome"] == "ok"


class Running(NamedTuple):
    """A process as psutil shows it."""

    called: str
    account: int
    began: float

    def name(self) -> str:
        return self.called

    def uids(self) -> Any:
        return type("Ids", (), {"real": self.account})

    def create_time(self) -> float:
        return self.began


class Console(Fixture):
    """A Mac at whose console somebody signs in."""

    def __init__(self, directory: Path) -> None:
        super().__init__("mac", directory)
        self.account, self.processes = 0, list[Running]()
        self.machine.owner = self._owner  # type: ignore[method-assign]
        self.ps.process_iter = lambda _wanted: self.processes  # type: ignore[attr-defined]
        self.wall_seconds, self.elapsed_seconds, self.awake_seconds = BEGAN + 5.0, 5.0, 5.0

    def _owner(self, path: str) -> int | None:
        return self.account if path == "/dev/console" else None


def test_a_start_is_timed_by_the_sign_in_window_and_the_desktop_and_usable_is_a_lower_bound(tmp_path: Path) -> None:
    mac = Console(tmp_path)
    timer = Timer(mac.machine, eyes_of(mac.machine))
    timer.look()
    mac.processes.append(Running("loginwindow", 0, BEGAN + 21.0))
    mac.go(20)
    timer.look()
    mac.account = 501
    mac.go(600 - 25)
    timer.look()
    mac.processes += [Running("Dock", 502, BEGAN + 30.0), Running("Dock", 501, BEGAN + 600.5)]
    for second in range(30):
        mac.go(1, cpu=90 if second < 8 else 5)
        timer.look()

    (told,) = section(mac, "starts")

    assert (told["to_sign_in_seconds"], told["to_sign_in_quality"]) == (21.0, "own")
    assert "to_desktop_seconds" not in told
    # Busy until the eighth second after 600.0; the desktop was shown at 600.5: seven and a half seconds.
    assert told["to_usable_seconds"] == pytest.approx(21.0 + 7.5, abs=1.01)
    assert told["lower_bounds"] == ["to_usable"]


def test_somebody_at_the_sign_in_window_is_nobody_signed_in(tmp_path: Path) -> None:
    assert starts.MacEyes(Console(tmp_path).machine).signed_in() == frozenset()


def test_nothing_of_a_person_is_in_a_report_of_a_mac(mac: Fixture) -> None:
    mac.programs["profile"] = mac.programs["profile"].replace('"physical_memory"', f'"user_name": "{PERSON}", "x"')
    mac.programs["shutdown_cause"] += f"/Users/{PERSON}/Custody notes S-1-5-21 --password=x\n"
    mac.programs["battery"] = mac.programs["battery"].replace("F8Y1234", PERSON)
    mac.write(f"/Users/{PERSON}/Library/Receipts/InstallHistory.plist", PERSON)
    mac.ps.values["partitions"].append([f"/dev/{PERSON}", f"/Users/{PERSON}", "apfs"])

    told = "\n".join(texts(json.loads(body_of(mac))))

    assert [secret for secret in SECRETS if secret.lower() in told.lower()] == []
    assert "Private" not in told


@given(raw=NONSENSE)
def test_nonsense_makes_no_figure_and_no_crash(raw: bytes) -> None:
    text = raw.decode("utf-8", "replace").replace("\x00", "")

    found = [
        sysctl.parse_sysctl(text), profiler.parse_profile(text), shutdown.parse_end(text), plists.parse_packs(raw),
        plists.parse_updated_on(raw), plists.parse_application(raw, "Some.app"),
    ]  # fmt: skip

    assert list(figures(found)) == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
        max_leaves=20,
    )
)
def test_documents_of_another_shape_make_no_figure_that_cannot_be(document: Any) -> None:
    wrapped = {"SPHardwareDataType": [document], "SPNVMeDataType": [{"_items": [document]}]}
    found = profiler.parse_profile(json.dumps(wrapped))
    found["packs"] = [plists._pack(document, 0)] if isinstance(document, dict) else []

    assert all(0 <= figure <= 2**60 for figure in figures(found))
