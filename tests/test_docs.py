"""What the documents promise is there: files, make targets, commands, links."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from click import Context

from muster_server.cli import main

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("*/README.md")), *sorted(ROOT.glob("agent/packaging/*/README.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def _code(page: Path) -> list[str]:
    text = page.read_text("utf-8")
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def _blocks(page: Path) -> list[str]:
    fenced = re.findall(r"```\w*\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL)
    return [line for block in fenced for line in block.splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_that_is_there(page: Path) -> None:
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    assert [target for target in linked if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    named = {word for code in [*_code(page), *_blocks(page)] for word in re.findall(r"^make ([a-z-]+)", code)}
    assert named <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_muster_command_that_is_named_exists(page: Path) -> None:
    said = [code.strip().lstrip("$ ") for code in [*_code(page), *_blocks(page)]]
    named = {tuple(words[1:3]) for code in said if (words := code.split())[:1] == ["muster"] and len(words) > 1}
    assert [words for words in named if not _known(words)] == []


def _known(words: tuple[str, ...]) -> bool:
    if words[0].startswith("-"):
        return True
    context = Context(main)
    command = main.get_command(context, words[0])
    subcommands = getattr(command, "commands", None)
    if command is None or subcommands is None or len(words) == 1 or words[1].startswith(("-", "…")):
        return command is not None
    return all(name in subcommands for name in words[1].split("|"))


def test_every_room_on_the_map_is_there() -> None:
    rooms = re.findall(r"^\| (?:\[(.+?)\]\(.*?\)|`(.+?)`) \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert len(rooms) > 5
    assert [name for pair in rooms for name in pair if name and not (ROOT / name).is_dir()] == []


def test_make_help_names_every_target_for_people() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    named = {line.split()[0] for line in shown.splitlines()}
    assert {"run", "demo", "test", "test-system", "check", "bench", "soak", "packages", "clean"} <= named
