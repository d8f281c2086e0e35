"""Battery: wear of the device's own packs, in the unit that the firmware uses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.machine import Fixture

from muster_agent.collectors import battery
from muster_agent.sources import power_supply

BAT0 = "/sys/class/power_supply/BAT0"


def test_a_worn_pack_is_told_in_watt_hours_and_the_mouse_is_not_a_pack(laptop: Fixture) -> None:
    pack = {"name": "BAT0", "unit": "Wh", "design": 63.0, "full": 37.8, "cycles": 412, "charge_limit_percent": 80}
    assert battery.collect(laptop.machine) == {"packs": [{**pack, "charge_percent": 86, "state": "discharging"}]}


def test_a_pack_that_counts_in_ampere_hours_is_told_so_and_zero_cycles_are_unknown(tablet: Fixture) -> None:
    pack = {"name": "BATC", "unit": "Ah", "design": 4.75, "full": 4.987, "cycles": None, "charge_limit_percent": None}
    assert battery.collect(tablet.machine) == {"packs": [{**pack, "charge_percent": 103, "state": "full"}]}


def test_a_device_without_a_battery_has_none(desktop: Fixture) -> None:
    assert battery.collect(desktop.machine) is None


def test_a_bay_without_a_pack_is_no_pack(laptop: Fixture) -> None:
    laptop.write(f"{BAT0}/present", "0")

    assert battery.collect(laptop.machine) is None


def test_a_pack_whose_firmware_knows_nothing_is_there_without_figures(laptop: Fixture) -> None:
    for name in power_supply._FILES:
        (laptop.root / BAT0.lstrip("/") / name).unlink(missing_ok=True)

    (pack,) = (battery.collect(laptop.machine) or {})["packs"]
    assert pack == {
        **dict.fromkeys(("unit", "design", "full", "cycles", "charge_percent", "charge_limit_percent")),
        "name": "BAT0",
        "state": "unknown",
    }


def test_at_most_eight_packs_are_told(laptop: Fixture) -> None:
    for number in range(12):
        laptop.write(f"/sys/class/power_supply/BAT{number}/type", "Battery")

    assert len((battery.collect(laptop.machine) or {})["packs"]) == 8


@pytest.mark.parametrize("nonsense", ["-1", "63000000.5", "0x3C", "lots", "9" * 30, "9" * 5_000, "²", "nan", "inf"])
def test_no_figure_comes_out_of_nonsense(laptop: Fixture, nonsense: str) -> None:
    for name in ("energy_full_design", "energy_full", "cycle_count", "capacity"):
        laptop.write(f"{BAT0}/{name}", nonsense)

    (pack,) = (battery.collect(laptop.machine) or {})["packs"]
    assert (pack["design"], pack["full"], pack["cycles"], pack["charge_percent"]) == (None, None, None, None)


@given(st.text(max_size=100), st.dictionaries(st.sampled_from(power_supply._FILES), st.text()))
def test_no_values_of_a_pack_crash_or_leave_the_bounds_of_the_wire(name: str, values: dict[str, str | None]) -> None:
    pack = power_supply.parse_pack(name, values)

    assert 0 < len(str(pack["name"])) <= 64
    for figure in ("design", "full", "cycles", "charge_percent"):
        value = pack[figure]
        assert value is None or (isinstance(value, int | float) and 0 <= value <= 1e6)


@pytest.mark.parametrize(("threshold", "limit"), [("60", 60), ("100", None), ("0", None), ("101", None), ("x", None)])
def test_charging_that_nothing_stops_has_no_limit(laptop: Fixture, threshold: str, limit: int | None) -> None:
    laptop.write(f"{BAT0}/charge_control_end_threshold", threshold)

    assert (battery.collect(laptop.machine) or {})["packs"][0]["charge_limit_percent"] == limit
