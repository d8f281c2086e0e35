"""What systemd's record of a start means: its age, its culprits, and that a busy systemd does not lose it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from muster_agent.collectors import starts
from muster_agent.config import Settings
from muster_agent.machine import Machine, instant
from muster_agent.report import Reporter
from muster_agent.sampler import Sampler
from muster_agent.sources.systemd import parse_units

BARE = {"SecurityStart": 900_000, "Userspace": 2_000_000, "Finish": 12_345_999}
HOUR = 3_600.0
# The test process is larger than an agent may be: the guard would switch every collector off.
LIGHT = SimpleNamespace(cpu_times=lambda: (0.0,) * 5, memory_info=lambda: SimpleNamespace(rss=20_000_000))


def machine(root: Path, manager: dict[str, int], *, elapsed: float = 20.0, awake: float = 20.0) -> Machine:
    """A machine with systemd on it, which says `manager`."""
    (root / "run/systemd/system").mkdir(parents=True, exist_ok=True)
    boot_id = root / "proc/sys/kernel/random/boot_id"
    boot_id.parent.mkdir(parents=True, exist_ok=True)
    boot_id.write_text("b-1\n")
    shown = "".join(f"{name}TimestampMonotonic={value}\n" for name, value in manager.items())
    clocks = (lambda: 1_000_000.0, lambda: elapsed, lambda: awake)

    def run(argv: list[str], _timeout: float) -> str:
        return shown if "-pFinishTimestampMonotonic" in argv else ""

    return Machine(str(root), ps=SimpleNamespace(Process=lambda: LIGHT), run=run, clocks=clocks)


def test_marks_are_cut_to_the_millisecond_as_systemd_analyze_cuts_them(tmp_path: Path) -> None:
    (start,) = starts.collect(machine(tmp_path, BARE)) or []

    assert start["to_settled_seconds"] == 12.345
    assert start["userspace_seconds"] == 10.345
    assert start["kernel_seconds"] == 2.0


@pytest.mark.parametrize(
    ("manager", "age"),
    [
        pytest.param(BARE, 9 * HOUR, id="a full start: since the kernel's, sleep counted"),
        pytest.param({**BARE, "SoftRebootStart": 3_590_000_000}, 10.0, id="a soft reboot: since it began"),
        pytest.param({"Userspace": 3_595_000_000, "Finish": 3_596_000_000}, 5.0, id="a container: since userspace's"),
    ],
)
def test_a_start_is_as_old_as_its_own_zero(tmp_path: Path, manager: dict[str, int], age: float) -> None:
    slept = machine(tmp_path, manager, elapsed=9 * HOUR, awake=HOUR)

    assert starts.progress(slept) == (age, True)
    assert (starts.collect(slept) or [])[0]["zero_at"] == instant(1_000_000.0 - age)


def test_a_start_that_is_not_over_says_so(tmp_path: Path) -> None:
    assert starts.progress(machine(tmp_path, {**BARE, "Finish": 0})) == (20.0, False)


def test_where_no_systemd_tells_the_start_is_the_boot_and_over(tmp_path: Path) -> None:
    assert starts.progress(Machine(str(tmp_path), clocks=(lambda: 0.0, lambda: 77.0, lambda: 70.0))) == (77.0, True)


def test_scripts_that_end_and_units_that_give_up_are_culprits_too() -> None:
    shown = "\n\n".join(
        f"Id={name}\nInactiveExitTimestampMonotonic={began}\nActiveEnterTimestampMonotonic={active}\n"
        f"InactiveEnterTimestampMonotonic={ended}"
        for name, began, active, ended in [
            ("daemon.service", 1_000_000, 4_000_000, 0),
            ("script.service", 1_000_000, 0, 6_500_000),
            ("again.service", 5_000_000, 2_000_000, 3_000_000),
            ("never.service", 0, 0, 0),
        ]
    )

    named = starts.culprits(parse_units(shown), 0, finish=9_000_000)

    assert [(culprit["name"], culprit["seconds"]) for culprit in named] == [
        ("script.service", 5.5),
        ("daemon.service", 3.0),
    ]


def test_a_start_that_could_not_be_read_is_tried_again_with_the_next_report(tmp_path: Path) -> None:
    answers = iter([OSError("busy"), None])

    def run(argv: list[str], _timeout: float) -> str:
        if "-pFinishTimestampMonotonic" not in argv:
            return ""
        if (trouble := next(answers)) is not None:
            raise trouble
        return "UserspaceTimestampMonotonic=2000000\nFinishTimestampMonotonic=3000000\n"

    device = machine(tmp_path, BARE)
    device._run = run
    reporter = Reporter(device, Settings(), hardware_hash=None)

    first, second = (json.loads(reporter.build(f"{'0' * 32}:{number}", Sampler(device))) for number in (1, 2))

    assert first["outcomes"]["starts"]["outcome"] == "failed"
    assert second["sections"]["starts"][0]["to_settled_seconds"] == 1.0
