"""The server's README has a row for everything that there is, and no row for what there is not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from muster_server.cli import main
from muster_server.config import Settings
from muster_server.roles import RIGHTS, ROLES
from muster_server.web.reference import DOCUMENT

ROOM = Path(__file__).parent.parent.parent / "server"
PACKAGE = ROOM / "muster_server"
README = (ROOM / "README.md").read_text("utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """First cell -> the other cells of the tables under a heading."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return {row[0].strip("`"): row[1:] for row in cells if row[0].startswith("`")}


def commands(command: click.Command, name: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        for part, inner in command.commands.items():
            yield from commands(inner, f"{name} {part}")
    else:
        yield name


def test_every_setting_has_its_row_with_its_default() -> None:
    told = rows("Settings")
    fields = {field.name: field.default for field in msgspec.structs.fields(Settings)}

    assert set(told) == set(fields)
    written = {name: told[name][0].strip("`") for name, default in fields.items() if default is not None}
    assert written == {name: msgspec.json.encode(fields[name]).decode().strip('"') for name in written}


def test_every_command_has_its_row() -> None:
    assert set(rows("Commands")) == set(commands(main, "muster"))


def test_every_role_has_its_row_with_its_rights() -> None:
    told = rows("Roles and rights")

    assert {role: [cell == "yes" for cell in cells] for role, cells in told.items()} == {
        role: [role in RIGHTS[right] for right in RIGHTS] for role in ROLES
    }


def test_every_package_and_module_has_its_row() -> None:
    packages = {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("__init__.py")} - {"."}
    modules = {path.name for path in PACKAGE.glob("*.py")}

    assert set(rows("What is where")) == {f"{name}/" for name in packages} | {"migrations/"} | modules


def test_every_question_of_the_api_has_its_row() -> None:
    paths = json.loads(DOCUMENT.read_bytes())["paths"]
    described = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}

    assert set(rows("The API by example")) == described


def test_every_file_that_the_readme_names_is_there() -> None:
    named = re.findall(r"`([a-z_][a-z_/]*\.(?:py|toml|json))`", README)
    places = (PACKAGE, PACKAGE / "ingest", PACKAGE / "web" / "api", PACKAGE / "store", ROOM, ROOM.parent)

    assert len(named) > 40
    assert {name for name in named if not any((place / name).exists() for place in places)} == {"running.json"}
