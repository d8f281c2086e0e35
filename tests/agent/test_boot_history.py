"""The first report holds the starts before the agent, as far as the journal still knows them, and how runs ended."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.test_root_facts import hand_over
from tests.fixtures.journal import Past, finish_of, keep_journal
from tests.fixtures.machine import Fixture

from muster_agent import facts
from muster_agent.collectors import starts, tell_again
from muster_agent.sources import fpdt, journal, root_facts

WHOLE = {"kernel": 2_100_900, "initrd": 3_000_400, "userspace": 20_000_700}
SENTENCE = (
    "Startup finished in 1min 5.855s (firmware) + 808ms (loader) + 2.100s (kernel) + 3.000s (initrd)"
    " + 20.000s (userspace) = 1min 31.765s."
)
DAY = 86_400


def past(fixture: Fixture) -> list[Past]:
    """Four boots, the present one last: clean, then power lost, then clean without ever finishing."""
    present = int((fixture.root / "proc/sys/kernel/random/boot_id").read_text().strip().replace("-", ""), 16)
    now = fixture.wall_seconds - fixture.elapsed_seconds
    return [
        Past(1, now - 3 * DAY, WHOLE, is_clean=True, sentence=SENTENCE),
        Past(2, now - 2 * DAY, {"kernel": 1_000_000, "userspace": 9_000_000}, is_clean=False),
        Past(3, now - DAY, None, is_clean=True),
        Past(present, now, {"kernel": 1_000_000, "userspace": 9_000_000}),
    ]


@pytest.fixture
def kept(laptop: Fixture) -> Fixture:
    keep_journal(laptop, past(laptop))
    return laptop


def collect(fixture: Fixture) -> list[dict[str, Any]]:
    return starts.collect(fixture.machine) or []


def test_earlier_starts_are_told_with_the_marks_that_systemd_recorded(kept: Fixture) -> None:
    first, second, third, running = collect(kept)

    assert first["to_settled_seconds"] == 25.102  # 2.1009 + 3.0004 + 20.0007, cut as systemd-analyze cuts
    assert [first[f"{name}_seconds"] for name in ("kernel", "initrd", "userspace")] == [2.1, 3.0, 20.0]
    assert [first[f"{name}_seconds"] for name in ("firmware", "loader")] == [65.855, 0.808]
    assert (first["to_settled_quality"], first["kind"], first["before_agent"]) == ("measured", "full", True)
    assert (second["to_settled_seconds"], second["initrd_seconds"], second.get("firmware_seconds")) == (
        10.0,
        None,
        None,
    )
    assert "to_settled_seconds" not in third
    assert running["to_settled_seconds"] == 31.466
    assert [start["zero_at"] for start in (first, second)] == ["2026-11-21T07:29:59.500Z", "2026-11-22T07:29:59.500Z"]


def test_how_a_run_ended_is_told_of_the_start_after_it(kept: Fixture) -> None:
    assert [start.get("stop_before") for start in collect(kept)] == [None, "clean", "unexpected", "clean"]


def test_a_panic_is_told_where_the_firmware_kept_its_record_and_only_after_a_run_that_did_not_end_cleanly(
    kept: Fixture,
) -> None:
    third = past(kept)[2]
    kept.write(f"/var/lib/systemd/pstore/{round(third.at) - 30}/001/dmesg.txt", "Panic#1 Part1\n<0> a name\n")
    kept.write(f"/sys/fs/pstore/dmesg-efi-{round(third.at)}", "Oops#1 Part1\n")

    assert [start.get("stop_before") for start in collect(kept)] == [None, "clean", "bugcheck", "clean"]


def test_an_oops_that_was_survived_is_no_panic(kept: Fixture) -> None:
    third = past(kept)[2]
    kept.write(f"/var/lib/systemd/pstore/{round(third.at) - 30}/dmesg.txt", "Oops#1 Part1\n")

    assert collect(kept)[2]["stop_before"] == "unexpected"


def test_history_is_told_once_and_again_when_its_report_was_lost_or_the_server_is_another(kept: Fixture) -> None:
    assert len(collect(kept)) == 4
    kept.go(900)
    assert collect(kept) == []

    tell_again(kept.machine, everything=False)
    assert len(collect(kept)) == 4
    tell_again(kept.machine, everything=True)
    assert len(collect(kept)) == 4


def test_the_next_start_is_told_alone_with_how_the_run_before_it_ended(kept: Fixture) -> None:
    collect(kept)
    boots = past(kept)
    kept.go(DAY)
    kept.write("/proc/sys/kernel/random/boot_id", "00000000-0000-0000-0000-00000000beef\n")
    kept.elapsed_seconds = kept.awake_seconds = 100
    keep_journal(kept, [*boots, Past(0xBEEF, kept.wall_seconds - 100, WHOLE)])

    (start,) = collect(kept)

    assert (start["stop_before"], start.get("before_agent")) == ("clean", None)


def test_an_agent_without_rights_tells_what_root_told_it_once_that_is_there(kept: Fixture) -> None:
    told, by_root = facts.gather(kept.machine), collect(kept)
    kept.machine.notebook.clear()
    (journal_file,) = kept.root.glob("var/log/journal/*/system.journal")
    journal_file.unlink()
    kept.programs.pop("boots")
    without = collect(kept)
    hand_over(kept, told)

    assert len(without) == 1
    assert [start["start_id"] for start in collect(kept)] == [start["start_id"] for start in by_root]
    assert collect(kept) == []


def test_a_journal_that_is_not_kept_or_shows_a_persons_own_part_alone_is_no_history(laptop: Fixture) -> None:
    keep_journal(laptop, past(laptop))
    (journal_file,) = laptop.root.glob("var/log/journal/*/system.journal")
    journal_file.write_bytes(b"")

    assert len(collect(laptop)) == 1
    assert not any(argv[0] == "journalctl" for argv in laptop.ran)


def test_messages_are_asked_of_the_first_process_alone_since_anybody_may_write_the_same(kept: Fixture) -> None:
    collect(kept)

    asked = [argv for argv in kept.ran if argv[0] == "journalctl" and "--list-boots" not in argv]
    assert len(asked) == 2
    assert all("_PID=1" in argv and not any(word == "+" for word in argv) for argv in asked)


def test_a_container_that_shares_its_hosts_boot_id_has_no_history(kept: Fixture) -> None:
    kept.write("/run/systemd/container", "docker\n")
    assert len(collect(kept)) == 1

    kept.machine.notebook.clear()
    kept.write("/proc/self/mountinfo", "88 71 0:47 /b /proc/sys/kernel/random/boot_id ro - tmpfs tmpfs rw\n")
    assert len(collect(kept)) == 4


def test_at_most_four_hundred_starts_are_told_the_newest(laptop: Fixture) -> None:
    *_, present = past(laptop)
    earlier = [Past(number, present.at - (900 - number) * DAY, WHOLE) for number in range(1, 601)]
    keep_journal(laptop, [*earlier, present])

    told = collect(laptop)

    assert len(told) == root_facts.MOST_BOOTS
    assert told[-1]["to_settled_seconds"] == 31.466
    assert all(start["to_settled_seconds"] == 25.102 for start in told[:-1])


def test_older_systemds_print_text_whatever_they_are_asked() -> None:
    text = (
        " -1 3f1e1e36448845cb8d29fa4aabb909fa Wed 2026-11-25 07:54:03 UTC—Wed 2026-11-25 07:54:04 UTC\n"
        "  0 54e3a7db71444196a82e85225e08defa Wed 2026-11-25 07:54:04 UTC—Wed 2026-11-25 07:54:04 UTC\n"
    )

    ids = ["3f1e1e36448845cb8d29fa4aabb909fa", "54e3a7db71444196a82e85225e08defa"]
    assert journal.parse_boots(text) == [journal.Boot(ids[0], None), journal.Boot(ids[1], None)]
    assert journal.parse_boots(json.dumps([{"boot_id": ids[0], "first_entry": "12000000"}])) == [
        journal.Boot(ids[0], 12.0)
    ]


def test_after_a_soft_reboot_the_first_start_of_the_boot_counts() -> None:
    full, soft = Past(7, 1_000.0, WHOLE), Past(7, 90_000.0, {"userspace": 4_000_000})

    found = journal.parse_finished([finish_of(soft), finish_of(full)])  # newest first

    assert found[full.boot_id]["to_settled_seconds"] == 25.102


def test_firmware_and_loader_are_what_the_firmware_recorded_where_systemd_has_no_word_of_them(laptop: Fixture) -> None:
    bare = "\n".join(
        line for line in laptop.programs["manager"].splitlines() if not line.startswith(("Firmware", "Loader"))
    )
    laptop.programs["manager"] = bare
    laptop.write("/sys/firmware/acpi/fpdt/boot/bootloader_launch_ns", "5855973785\n")
    laptop.write("/sys/firmware/acpi/fpdt/boot/exitbootservice_end_ns", "14325507185\n")

    (start,) = collect(laptop)

    assert (start["firmware_seconds"], start["loader_seconds"]) == (5.855, 8.47)


@pytest.mark.parametrize(
    ("began", "ended"),
    [(0, 0), (0, 5 * 10**9), (5 * 10**9, 4 * 10**9), (10**9, 3_600 * 10**9), (5 * 10**9, 0)],
)
def test_a_record_of_the_firmware_that_makes_no_sense_is_none(began: int, ended: int) -> None:
    assert fpdt.parse_firmware_times(began, ended) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = ["boot_id", "first_entry", "_BOOT_ID", "__REALTIME_TIMESTAMP", "MESSAGE", "KERNEL_USEC", "USERSPACE_USEC"]
IDS = st.sampled_from([Past(1, 0, None).boot_id, Past(2, 0, None).boot_id])
ENTRY = st.dictionaries(st.sampled_from(NAMES), JSON | IDS, max_size=7)


@given(st.lists(ENTRY, max_size=4), st.lists(ENTRY, max_size=4), st.lists(st.floats(0, 1e10), max_size=3))
def test_no_journal_gives_a_figure_from_nonsense(boots: Any, finished: Any, panics: list[float]) -> None:
    listed = journal.parse_boots(json.dumps(boots))
    for record in journal.joined(listed, journal.parse_finished(finished), stopped=set(), panics=panics):
        figures = [value for name, value in record.items() if name.endswith("_seconds") and value is not None]
        assert all(0 <= figure <= 1e10 for figure in figures)
        assert record["zero_at"] is None or 0 <= record["zero_at"] <= 1e10


@given(st.text(max_size=300))
def test_whatever_journalctl_prints_is_parsed_or_dropped(printed: str) -> None:
    assert all(len(boot.boot_id) == 32 for boot in journal.parse_boots(printed))
    assert all(0 < seconds < 3_600 for seconds in journal.parse_before_kernel(printed).values())
    assert isinstance(journal._entries(printed), list)
