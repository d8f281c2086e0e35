"""Spool: reports wait on disk, whole or not at all, and no number is given twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import needs

from muster_agent.config import Settings
from muster_agent.spool import Spool, _encoded, records

MOST = 1_000_000


def spool(directory: Path, most_bytes: int = MOST) -> Spool:
    return Spool(str(directory / "spool"), most_bytes)


def filled(directory: Path, count: int, *, size: int = 100, most_bytes: int = MOST) -> Spool:
    opened = spool(directory, most_bytes)
    for _ in range(count):
        sequence, _report_id = opened.next_id()
        opened.add(sequence, b"%d " % sequence + b"x" * size)
    return opened


def waiting(opened: Spool) -> list[int]:
    return [sequence for sequence, _ in opened.batch(10_000, 10**9)]


def test_reports_come_back_byte_for_byte_the_newest_first(tmp_path: Path) -> None:
    opened = spool(tmp_path)
    for content in (b'{"a":1}', b"\x00\xff\n\n", b""):
        opened.add(opened.next_id()[0], content)

    assert opened.batch(96, MOST) == [(3, b""), (2, b"\x00\xff\n\n"), (1, b'{"a":1}')]


def test_a_batch_holds_no_more_reports_or_bytes_than_asked_but_always_one(tmp_path: Path) -> None:
    opened = filled(tmp_path, 10)

    assert [sequence for sequence, _ in opened.batch(3, MOST)] == [10, 9, 8]
    assert [sequence for sequence, _ in opened.batch(96, 250)] == [10, 9]
    assert [sequence for sequence, _ in opened.batch(96, 1)] == [10]


def test_what_the_server_has_is_forgotten(tmp_path: Path) -> None:
    opened = filled(tmp_path, 3)

    opened.done([1, 3])

    assert waiting(opened) == [2]
    opened.close()
    assert waiting(spool(tmp_path)) == [2]


def test_after_a_crash_some_that_the_server_has_are_brought_again_and_none_is_missing(tmp_path: Path) -> None:
    filled(tmp_path, 3).done([1, 3])

    assert waiting(spool(tmp_path)) == [3, 2, 1]


def test_another_run_goes_on_with_the_stream_and_the_numbers(tmp_path: Path) -> None:
    first = filled(tmp_path, 3)
    first.close()

    second = spool(tmp_path)

    assert second.stream == first.stream
    assert second.next_id() == (4, f"{first.stream}:4")
    assert waiting(second) == [3, 2, 1]


def test_after_a_crash_numbers_are_left_out_and_never_given_twice(tmp_path: Path) -> None:
    crashed = spool(tmp_path)
    given_before = [crashed.next_id()[0] for _ in range(150)]

    after = spool(tmp_path)

    assert after.next_id()[0] > max(given_before)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["report", "done", "crash", "close"]), max_size=200))
def test_whatever_happens_no_number_is_given_twice(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    directory = tmp_path_factory.mktemp("spool")
    opened, seen = spool(directory), set()
    for step in steps:
        if step == "report":
            sequence, _ = opened.next_id()
            assert sequence not in seen
            seen.add(sequence)
            opened.add(sequence, b"x")
        elif step == "done":
            opened.done(waiting(opened)[:1])
        else:
            if step == "close":
                opened.close()
            opened = spool(directory)


def test_killed_at_any_moment_it_leaves_whole_reports_only(tmp_path: Path) -> None:
    code = (
        "from muster_agent.spool import Spool\n"
        f"spool = Spool({str(tmp_path / 'spool')!r}, 10**8)\n"
        "while True:\n"
        "    sequence, report_id = spool.next_id()\n"
        "    spool.add(sequence, (report_id * 500).encode())\n"
        "    print(sequence, flush=True)\n"
    )
    numbers: list[int] = []
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            numbers += [int(process.stdout.readline()) for _ in range(20)]
            process.send_signal(signal.SIGKILL)
            process.communicate()

    opened = spool(tmp_path, 10**8)
    found = dict(opened.batch(10_000, 10**9))
    assert len(set(numbers)) == len(numbers) == 100
    assert set(numbers) <= found.keys()
    assert all(report == f"{opened.stream}:{sequence}".encode() * 500 for sequence, report in found.items())
    assert opened.take_losses() == ({}, [])


def segments(directory: Path) -> list[Path]:
    return sorted((directory / "spool").glob("*.spool"))


def test_keeping_a_report_is_one_append_and_one_fsync(tmp_path: Path) -> None:
    needs.tool("strace")
    code = (
        "from muster_agent.spool import Spool\n"
        f"spool = Spool({str(tmp_path / 'spool')!r}, 16_000_000)\n"
        "for number in range(40):\n"
        "    sequence, report_id = spool.next_id()\n"
        "    spool.add(sequence, b'x' * 1_500)\n"
        "    spool.done([sequence])\n"
    )
    trace = tmp_path / "trace"
    argv = ["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync,rename", "-o", str(trace), sys.executable, "-c", code]
    subprocess.run(argv, check=True)

    calls = trace.read_text().splitlines()
    # Once: the file of the numbers and its folder, and the folder of the first segment.
    assert len([call for call in calls if "fsync" in call]) == 40 + 3
    assert len([call for call in calls if "rename" in call]) == 1


def test_a_torn_report_is_counted_once_and_left_out(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    (segment,) = segments(tmp_path)
    segment.write_bytes(segment.read_bytes()[:-5])

    opened = spool(tmp_path)

    assert waiting(opened) == [2, 1]
    assert opened.take_losses() == ({"thinned_reports": 1}, [3])
    assert opened.take_losses() == ({}, [])
    assert spool(tmp_path).take_losses() == ({}, [])
    assert opened.next_id()[0] > 3


def test_wherever_the_power_went_while_a_report_was_written_those_written_after_it_are_found(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    (segment,) = segments(tmp_path)
    whole, torn = segment.read_bytes(), _encoded(2, b"torn" * 9)

    for length in range(len(torn)):
        segment.write_bytes(whole + torn[:length])
        spool(tmp_path).add(3, b"after")
        assert waiting(spool(tmp_path)) == [3, 1]


def test_when_the_last_report_was_kept_is_known_whatever_became_of_it(tmp_path: Path) -> None:
    opened = filled(tmp_path, 2)
    (segment,) = segments(tmp_path)
    os.utime(segment, (1_000, 1_000))

    opened.done([1, 2])  # the server has them, a while later
    assert spool(tmp_path).kept_at == 1_000

    segment.write_bytes(_encoded(3, b"report")[:-3])
    os.utime(segment, (2_000, 2_000))
    assert spool(tmp_path).kept_at == 2_000


def test_what_is_damaged_in_the_middle_costs_no_other_report(tmp_path: Path) -> None:
    filled(tmp_path, 5, size=500)
    (segment,) = segments(tmp_path)
    raw = bytearray(segment.read_bytes())
    raw[700:710] = b"\xff" * 10
    segment.write_bytes(raw)

    assert waiting(spool(tmp_path)) == [5, 4, 3, 1]


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 60))
def test_no_damage_makes_a_report_of_what_was_none(damage: bytes, at: int, cut: int) -> None:
    reports = {number: b"report %d " % number * 9 for number in (1, 2, 3)}
    raw = bytearray(b"".join(_encoded(number, report) for number, report in reports.items()))
    raw[at : at + cut] = damage

    found = {record.sequence: record.report for record in records(bytes(raw)) if record.report is not None}

    assert found.items() <= reports.items()


def test_what_a_crash_left_between_writing_and_renaming_is_cleared_away(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    (tmp_path / "spool" / f"{1:012}.spool.new").write_bytes(b"half a segm")

    opened = spool(tmp_path)

    assert waiting(opened) == [1]
    names = sorted(path.name for path in (tmp_path / "spool").iterdir())
    assert names == ["000000000001.spool", "rejected", "stream.json"]


def test_what_the_server_has_takes_no_place_any_more(tmp_path: Path) -> None:
    opened = filled(tmp_path, 100, size=1_000, most_bytes=640_000)
    assert len(segments(tmp_path)) == 10

    opened.done(list(range(1, 100)))
    assert [path.name for path in segments(tmp_path)] == ["000000000091.spool"]
    opened.done([100])

    assert [path.stat().st_size for path in segments(tmp_path)] == [0]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"stream":5,"next":"x"}', b'{"stream":"../../x","next":-7}', b'{"stream":"AB","next":1e9}'],
)  # fmt: skip
def test_a_lost_stream_file_begins_another_stream_behind_what_waits(tmp_path: Path, content: bytes) -> None:
    first = filled(tmp_path, 5)
    (tmp_path / "spool" / "stream.json").write_bytes(content)

    opened = spool(tmp_path)

    assert opened.stream != first.stream
    assert len(opened.stream) == 32
    assert opened.next_id()[0] == 6
    assert waiting(opened) == [5, 4, 3, 2, 1]


def test_a_full_spool_is_thinned_in_its_older_half_and_the_first_and_newest_stay(tmp_path: Path) -> None:
    opened = filled(tmp_path, 100, size=1_000, most_bytes=50_000)

    kept = waiting(opened)
    losses, dropped = opened.take_losses()
    assert 40 <= len(kept) <= 50
    assert losses == {"thinned_reports": 100 - len(kept)}
    assert sorted([*kept, *dropped]) == list(range(1, 101))
    assert kept[-1] == 1
    assert kept[:20] == list(range(100, 80, -1))


def test_thirty_days_offline_are_kept_whole_and_what_is_thinned_after_is_told_as_a_gap(tmp_path: Path) -> None:
    opened = spool(tmp_path, Settings().spool_bytes)
    began = datetime(2026, 10, 1, tzinfo=UTC)

    def report(number: int) -> None:
        at = (began + timedelta(minutes=15 * number)).isoformat().replace("+00:00", ".000Z")
        opened.add(opened.next_id()[0], b'{"collected_at":"%s","filler":"%s"}' % (at.encode(), b"x" * 1_900))

    for number in range(30 * 96):
        report(number)
    assert opened.take_losses() == ({}, [])
    assert sum(path.stat().st_size for path in segments(tmp_path)) < 16_000_000

    for number in range(30 * 96, 120 * 96):
        report(number)
    losses, dropped = opened.take_losses()

    assert sum(path.stat().st_size for path in segments(tmp_path)) <= 16_000_000
    assert losses["thinned_reports"] == len(dropped) == 120 * 96 - len(waiting(opened))
    assert 0 < len(losses["gaps"]) <= 20
    for gap in losses["gaps"]:
        assert began.isoformat() < gap["first_at"] < gap["last_at"] < "2027-01-29"
        assert gap["reports"] > 1
    days = {opened.batch(1, 1)[0][0], *waiting(opened)}
    assert len([number for number in days if number > 90 * 96]) == 30 * 96  # the newest month is whole


def test_a_refused_report_is_put_aside_and_counted_and_at_most_twenty_are_kept(tmp_path: Path) -> None:
    opened = filled(tmp_path, 25)

    for sequence in range(1, 26):
        opened.reject(sequence)

    assert waiting(opened) == []
    assert opened.take_losses() == ({"rejected_reports": 25}, [])
    kept = sorted(path.name for path in (tmp_path / "spool" / "rejected").iterdir())
    assert kept == [f"{sequence:012}.json" for sequence in range(6, 26)]


def test_nobody_else_may_read_what_waits(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        filled(tmp_path, 1)
    finally:
        os.umask(old)

    for name, mode in {"": 0o700, "rejected": 0o700, "stream.json": 0o600, "000000000001.spool": 0o600}.items():
        assert (tmp_path / "spool" / name).stat().st_mode & 0o777 == mode


def test_a_spool_that_cannot_be_opened_says_where(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file")

    with pytest.raises(OSError, match="spool"):
        spool(tmp_path)
