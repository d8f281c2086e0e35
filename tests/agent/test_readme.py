"""The agent's README has a row for every section, setting, command and file, and no row for what is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.agent.answering import MusterServer
from tests.agent.process import command, environment

from muster_agent.collectors import COLLECTORS
from muster_agent.collectors.software import MOST_TITLES
from muster_agent.config import _RANGES, DEFAULT_FILE, Settings
from muster_agent.guard import _MOST_BYTES, _MOST_CPU_SECONDS, _WINDOW_SECONDS

README = (Path(__file__).parents[2] / "agent" / "README.md").read_text("utf-8")


def rows(heading: str, table: int = 0) -> dict[str, list[str]]:
    """The rows of a table under a heading: what its first column names in backticks -> the other cells."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\n)+", section, flags=re.MULTILINE)
    cells = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in tables[table].splitlines()[2:]]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_every_collector_has_its_row_that_says_when_it_is_sent() -> None:
    told = rows("What it reads")

    assert list(told) == [*(collector.name for collector in COLLECTORS), "use", "agent"]
    for collector in COLLECTORS:
        assert (told[collector.name][-1] == "rarely") is collector.rare
        assert all(told[collector.name])


def test_every_setting_has_its_row_with_its_default_and_bounds() -> None:
    told = rows("Settings")

    assert list(told) == list(Settings._fields)
    for name, value in Settings()._asdict().items():
        default = "" if value == "" else f"`{str(value).lower() if isinstance(value, bool) else value}`"
        assert told[name][0] == default
    for name, (low, high) in _RANGES.items():
        if name != "spool_bytes":
            assert f"{low:,} to {high:,}" in told[name][1]
    assert DEFAULT_FILE in README


def test_every_command_has_its_row(tmp_path: Path) -> None:
    shown = command("--help", env=environment(tmp_path, "")).stdout
    commands = re.findall(r"^    (\w+)  +\S", shown, flags=re.MULTILINE)

    assert list(rows("Commands")) == commands
    assert list(rows("Commands", 1)) == ["0", "1", "2"]


def test_every_file_that_the_agent_keeps_has_its_row(server: MusterServer, tmp_path: Path) -> None:
    command("once", env=environment(tmp_path / "state", server.url))

    kept = {str(path.relative_to(tmp_path / "state")) for path in (tmp_path / "state").rglob("*")} - {"spool"}
    kept = {re.sub(r"\d{12}", f"{42:012}", name) for name in kept}
    told = {name.rstrip("/") for name in rows("Files in `state_dir`")}
    assert kept | {"sealed.json"} == told  # which golden images alone have


@pytest.mark.parametrize(
    "claim",
    [
        f"at most {MOST_TITLES:,} packages",
        f"more than {100 * _MOST_CPU_SECONDS / _WINDOW_SECONDS:g} % of a core",
        f"{_MOST_BYTES // 10**6} MB",
    ],
)
def test_figures_in_the_text_are_those_of_the_code(claim: str) -> None:
    assert claim in " ".join(README.split())


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:tests|muster_agent)/[\w/.]+\.py)`", README))))
def test_files_that_are_named_exist(path: str) -> None:
    root = Path(__file__).parents[2]
    assert "NAME" in path or (root / path).exists() or (root / "agent" / path).exists()
