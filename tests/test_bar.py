"""The size bar and the habits of the house, held over every file that git knows."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MOST_FUNCTION_LINES = 40
MOST_FILE_LINES = {"tests": 400}
MOST_ARGUMENTS, MOST_POSITIONAL = 4, 2
# The only two places that may catch everything: around one collector, around one device of a failed chunk.
BROAD = {"agent/muster_agent/collectors/__init__.py", "server/muster_server/jobs/chunks.py"}
_DOWNLOAD = re.compile(r"https?://\S+\.(whl|tar\.gz|tgz|deb|jar|zip)\b|--(extra-)?index-url|\"resolved\":")
_REGISTRY = re.compile(r"\b(pypi\.org|pythonhosted\.org|registry\.npmjs\.org|deb\.debian\.org|maven\.org)\b")
_MACHINE_PATH = re.compile(r"(?<![\w./])/(work|root)/\w")
_UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")


def _files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


FILES = _files()
MODULES = [path for path in FILES if path.suffix == ".py"]
TEXTS = [path for path in FILES if path.suffix not in (".png", ".ico", ".gz", ".woff2", ".bin", ".deb")]


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return {_name(path): ast.parse(path.read_text("utf-8")) for path in MODULES}


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_no_function_is_longer_than_a_screen(trees: dict[str, ast.Module]) -> None:
    too_long = [
        f"{name}:{function.lineno} {function.name}: {length} lines"
        for name, tree in trees.items()
        for function in _functions(tree)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > MOST_FUNCTION_LINES
    ]
    assert too_long == []


def test_no_file_is_longer_than_it_may_be() -> None:
    counted = {_name(path): path.read_text("utf-8").count("\n") for path in MODULES}
    assert {n: c for n, c in counted.items() if c > MOST_FILE_LINES.get(n.split("/")[0], 300)} == {}


def test_functions_take_few_arguments_and_only_two_by_position(trees: dict[str, ast.Module]) -> None:
    too_many = [
        f"{name}:{function.lineno} {function.name}"
        for name, tree in trees.items()
        if not name.startswith("tests/")  # pytest hands over fixtures by name
        for function in _functions(tree)
        if _takes_too_much(function.args)
    ]
    assert too_many == []


def _takes_too_much(arguments: ast.arguments) -> bool:
    by_position = [a for a in arguments.posonlyargs + arguments.args if a.arg not in ("self", "cls")]
    if arguments.posonlyargs and len(arguments.posonlyargs) == 1:  # click's context; the rest comes by name
        by_position = by_position[:1]
    return len(by_position) > MOST_POSITIONAL or len(by_position) + len(arguments.kwonlyargs) > MOST_ARGUMENTS


def test_everything_is_caught_in_two_named_places_only(trees: dict[str, ast.Module]) -> None:
    broad = [name for name, tree in trees.items() for node in ast.walk(tree) if _is_broad(node)]
    assert sorted(broad) == sorted(BROAD)


def _is_broad(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    caught = node.type
    if isinstance(caught, ast.Name) and caught.id == "BaseException":
        return not any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
    return caught is None or (isinstance(caught, ast.Name) and caught.id == "Exception")


def test_tests_replace_little_of_what_they_test(trees: dict[str, ast.Module]) -> None:
    ours = [tree for name, tree in trees.items() if name.startswith("tests/")]
    tests = sum(function.name.startswith("test_") for tree in ours for function in _functions(tree))
    sites = sum(_patches(node) for tree in ours for node in ast.walk(tree))
    print(f"{sites} patch sites in {tests} tests")
    assert sites <= tests * 5 / 100


def _patches(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        on = node.value.id if isinstance(node.value, ast.Name) else ""
        return on == "monkeypatch" and node.attr in ("setattr", "setitem", "delattr")
    return isinstance(node, ast.Name) and node.id in ("Mock", "MagicMock", "patch")


@pytest.mark.parametrize("forbidden", [_DOWNLOAD, _REGISTRY, _MACHINE_PATH, _UNFINISHED], ids=lambda p: p.pattern[:20])
def test_no_file_names_a_download_a_registry_a_path_of_one_machine_or_unfinished_work(
    forbidden: re.Pattern[str],
) -> None:
    searched = [path for path in TEXTS if path != Path(__file__) and path.name != "endoflife.json"]
    assert [_name(path) for path in searched if forbidden.search(path.read_text("utf-8"))] == []


def test_every_module_says_what_it_is_for(trees: dict[str, ast.Module]) -> None:
    silent = [n for n, t in trees.items() if t.body and ast.get_docstring(t) is None and "/versions/" not in n]
    assert silent == []


def test_locked_requirements_carry_a_hash_for_every_package() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        packages = re.split(r"\n(?=[a-z0-9])", path.read_text("utf-8"))
        assert len(packages) >= 1
        assert [package for package in packages if "==" not in package or "--hash=sha256:" not in package] == []


def test_the_npm_lock_keeps_no_addresses() -> None:
    for path in FILES:
        if path.name == "package-lock.json":
            packages = json.loads(path.read_text("utf-8"))["packages"]
            assert all("resolved" not in package for package in packages.values())
            assert all("integrity" in package for name, package in packages.items() if name)
