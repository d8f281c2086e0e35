"""Every bench runs and prints its table; soak repeats, and stops with the way to play a failure again."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests import needs
from tests.bench import soak
from tests.bench.harness import ROOT

BENCHES = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=170)


@pytest.mark.parametrize("bench", BENCHES)
def test_a_bench_runs_and_prints_the_machine_and_a_table(bench: str) -> None:
    if bench == "bench_agent":
        needs.tool("prometheus-node-exporter")
        needs.tool("zabbix_agent2", "/usr/sbin")

    done = run(bench, "--quick")

    assert done.returncode == 0, done.stderr
    assert re.search(r"^\d+ cores \(.*GiB, Linux ", done.stdout, re.MULTILINE)
    assert re.search(r"^-{3,}  -{2,}.*\n\S", done.stdout, re.MULTILINE)


def test_soak_plays_rounds_with_seeds_of_their_own(tmp_path: Path) -> None:
    tests = tmp_path / "test_passes.py"
    tests.write_text("def test_it() -> None:\n    pass\n")

    done = run("soak", "--rounds", "2", "--seed", "7", "--fuzz", "0", str(tests))

    assert done.returncode == 0, done.stdout
    seeds = re.findall(r"^round \d, seed (\d+): 1 passed in \d+ s$", done.stdout, re.MULTILINE)
    assert seeds[0] == "7"
    assert len(set(seeds)) == 2


def test_soak_stops_at_the_first_failure_and_says_how_to_play_it_again(tmp_path: Path) -> None:
    tests = tmp_path / "test_fails.py"
    tests.write_text("import os\n\ndef test_it() -> None:\n    assert os.environ['MUSTER_TEST_SEED'] != '9'\n")

    done = run("soak", "--rounds", "5", "--seed", "9", str(tests))

    assert done.returncode == 1
    assert len(re.findall(r"^round ", done.stdout, re.MULTILINE)) == 1
    seed, *command = shlex.split(done.stdout.splitlines()[-1])
    assert seed == "MUSTER_TEST_SEED=9"
    again = subprocess.run(command, cwd=ROOT, env={**os.environ, "MUSTER_TEST_SEED": "9"}, check=False)
    assert again.returncode == 1


def test_soak_finds_property_and_fault_tests_by_itself() -> None:
    assert {"tests/agent/test_nonsense.py", "tests/agent/test_spool_on_bad_disks.py"} <= set(soak.found())


def test_the_fuzzer_knows_the_door_and_the_parsers_of_every_kind_of_text() -> None:
    names = run("fuzz", "--list").stdout.splitlines()

    assert {"ingest.decode", "smbios.parse_table", "dpkg.parse_status", "windows.performance.parse_start"} <= {*names}


def test_fuzzing_covers_a_parser_and_finds_nothing() -> None:
    pytest.importorskip("atheris", reason="atheris has no wheel for this system")

    done = run("fuzz", "ingest.decode", "--seconds", "2")

    assert done.returncode == 0, done.stdout
    assert re.search(r"^ingest.decode: Done \d+ runs in \d+ second", done.stdout)


def test_a_find_is_said_with_the_way_to_play_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("atheris", reason="atheris has no wheel for this system")
    package = tmp_path / "faulty"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "share.py").write_text("def parse_share(text: str) -> float:\n    return float('inf') * len(text)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    done = run("fuzz", "share.parse_share", "--package", "faulty", "--seconds", "2")

    assert done.returncode == 1
    assert "a figure that is none" in done.stdout
    again = subprocess.run(shlex.split(done.stdout.splitlines()[-1]), cwd=ROOT, capture_output=True, check=False)
    assert b"a figure that is none" in again.stderr
