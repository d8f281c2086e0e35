"""The command line as a person tries it: examples, empty states, JSON, mistakes, and what each exit code means."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from muster_server.cli import main
from muster_server.clock import now_ms
from muster_server.db import Database
from muster_server.store.enrolment import use_key
from muster_server.store.migrate import migrate
from muster_server.store.people import token_person, use_link

Muster = Callable[..., Result]


@pytest.fixture
def muster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Muster:
    """Runs `muster` on the test's data directory, with settings as MUSTER_*."""
    monkeypatch.delenv("MUSTER_REDIS_URL", raising=False)

    def run(*arguments: str, **settings: str) -> Result:
        env = {
            "MUSTER_DATA_DIR": str(tmp_path),
            **{f"MUSTER_{name.upper()}": value for name, value in settings.items()},
        }
        return CliRunner().invoke(main, arguments, env=env, prog_name="muster")

    return run


@pytest.fixture
def store(tmp_path: Path) -> Database:
    """The store that `muster` finds in the data directory."""
    database = Database(f"sqlite:///{tmp_path / 'muster.db'}")
    migrate(database, now_ms())
    return database


def commands(group: click.Group, *above: str) -> list[tuple[str, ...]]:
    """Every command of a group, with the words that lead to it."""
    found = []
    for name, command in group.commands.items():
        found.append((*above, name))
        if isinstance(command, click.Group):
            found += commands(command, *above, name)
    return found


@pytest.mark.parametrize("words", commands(main), ids=" ".join)
def test_every_command_explains_itself(muster: Muster, words: tuple[str, ...]) -> None:
    done = muster(*words, "--help")

    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: muster {' '.join(words)}")
    assert len(done.stdout.splitlines()) > 4


def test_every_example_of_the_help_is_a_command_that_there_is(muster: Muster) -> None:
    known = [" ".join(words) for words in commands(main)]
    shown = [line.strip() for words in [(), *commands(main)] for line in muster(*words, "--help").stdout.splitlines()]
    examples = [line.rpartition("muster ")[2] for line in shown if line.startswith(("muster ", "MUSTER_"))]

    assert len(examples) > 10
    assert [e for e in examples if not e.startswith("--data-dir") and not any(e.startswith(k) for k in known)] == []


@pytest.mark.parametrize(
    ("words", "empty"),
    [
        ("key list", "There are no keys: `muster key create --label …`.\n"),
        ("user list", "There are no accounts yet.\n"),
        ("token list", "There are no tokens yet.\n"),
        ("device list", "There are no devices yet: `muster key create` lets them in.\n"),
        ("device list --verdict replace", "No device fits.\n"),
        ("snapshot", "The snapshot holds 0 devices.\n"),
    ],
)
@pytest.mark.usefixtures("store")
def test_an_empty_store_says_so_and_what_to_do(muster: Muster, words: str, empty: str) -> None:
    done = muster(*words.split())

    assert (done.exit_code, done.stdout, done.stderr) == (0, empty, "")
    if " list" in words:
        assert json.loads(muster(*words.split(), "--json").stdout) == []


def test_a_key_is_printed_once_listed_without_its_secret_and_ended(muster: Muster, store: Database) -> None:
    secret = muster("key", "create", "--label", "Laptops", "--unit", "North", "--uses", "3").stdout.strip()
    with store.write() as connection:
        assert use_key(connection, secret, now=now_ms())["unit"] == "North"

    listed = json.loads(muster("key", "list", "--json").stdout)

    assert [(key["label"], key["unit"], key["uses_left"]) for key in listed] == [("Laptops", "North", 2)]
    assert listed[0]["expires_at"].endswith("Z")
    assert secret not in muster("key", "list").stdout
    assert muster("key", "revoke", str(listed[0]["id"])).stdout == "Revoked.\n"
    assert muster("key", "revoke", str(listed[0]["id"])).exit_code == 1


def test_a_token_and_a_link_work_once_they_are_made(muster: Muster, store: Database) -> None:
    token = muster("token", "create", "--role", "viewer", "--label", "Power BI").stdout.strip()
    made = muster("user", "create", "Zoë", "--role", "auditor", port="9999").stdout
    again = muster("user", "link", "Zoë", port="9999").stdout

    with store.write() as connection:
        person = token_person(connection, token, now=now_ms())
        older, newer = (use_link(connection, _secret(text), now=now_ms()) for text in (made, again))
    assert (person.name, person.role) == ("Power BI", "viewer") if person else False
    assert made.startswith("http://127.0.0.1:9999/sign-in/")
    assert (older, newer) == (None, 1)


def _secret(printed: str) -> str:
    return printed.split(maxsplit=1)[0].rpartition("/")[2]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("frobnicate", 2, "No such command 'frobnicate'."),
        ("key create", 2, "Missing option '--label'."),
        ("key create --label x --days 0", 2, "0 is not in the range 1<=x<=366."),
        ("key revoke 7", 1, "muster: There is no key 7 to revoke: see `muster key list`.\n"),
        ("user create x --role boss", 2, "'boss' is not one of"),
        ("user link nobody", 1, "muster: There is no user 'nobody': see `muster user list`.\n"),
        ("token revoke 9", 1, "muster: There is no token 9 to revoke: see `muster token list`.\n"),
        ("device list --verdict nonsense", 2, "'nonsense' is not one of 'keep', 'fix'"),
        ("device approve x", 1, "muster: No device x waits for approval: see `muster device list --waiting`.\n"),
        ("device revoke x", 1, "muster: There is no device x: see `muster device list`.\n"),
        ("worker", 1, "muster: No Redis is named: set MUSTER_REDIS_URL, or start everything with `muster up`.\n"),
        ("beat", 1, "muster: No Redis is named"),
        ("up --port 99999", 2, "99999 is not in the range 1<=x<=65535."),
        ("up --host nowhere.invalid", 1, "muster: nowhere.invalid:8080 cannot be used ("),
        ("--config nothing.toml up", 1, "muster: There is no settings file nothing.toml: check --config.\n"),
    ],
)
@pytest.mark.usefixtures("store")
def test_a_mistake_is_one_sentence_and_its_exit_code(muster: Muster, words: str, code: int, sentence: str) -> None:
    done = muster(*words.split())

    assert done.exit_code == code
    assert sentence in done.stderr
    assert done.stdout == ""


def test_an_empty_name_is_no_account(muster: Muster, store: Database) -> None:
    done = muster("user", "create", " ")

    assert done.exit_code == 1
    assert done.stderr == "muster: A user's name is 1 to 100 printable characters.\n"
    store.close()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"prot": "1"}, "Unknown setting 'prot' from MUSTER_PROT: did you mean 'port'?"),
        ({"redis_url": "redis.local"}, "Setting 'redis_url' from MUSTER_REDIS_URL:"),
        ({"policy_file": "/nowhere.toml"}, "The policy /nowhere.toml cannot be read: No such file or directory."),
        ({"database_url": "mysql://x/y"}, "database_url names 'mysql'; Muster stores in sqlite or postgresql"),
        ({"database_url": "postgresql://m@/x?host=/nowhere"}, "The store cannot be used: connection"),
    ],
)
def test_a_wrong_setting_is_one_sentence(muster: Muster, settings: dict[str, str], sentence: str) -> None:
    command = ("policy", "show") if "policy_file" in settings else ("key", "list")

    done = muster(*command, **settings)

    assert done.exit_code == 1
    assert done.stderr.startswith(f"muster: {sentence}")
    assert done.stderr.count("\n") == 1


def test_where_there_is_no_store_none_is_made(muster: Muster, tmp_path: Path) -> None:
    done = muster("key", "list", data_dir=str(tmp_path / "wrong"))

    assert (
        done.stderr
        == f"muster: There is no store {tmp_path}/wrong/muster.db: start `muster up`, or name its --data-dir.\n"
    )
    assert not (tmp_path / "wrong").exists()
    assert muster("db", "upgrade", data_dir=str(tmp_path / "wrong")).exit_code == 0
    assert muster("key", "list", data_dir=str(tmp_path / "wrong")).exit_code == 0


@pytest.mark.parametrize("command", [("key", "list"), ("db", "upgrade"), ("up",)])
def test_a_file_that_is_no_store_is_said_to_be_none(muster: Muster, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "muster.db").write_bytes(b"something else, and long enough to be taken for a store" * 100)

    done = muster(*command)

    assert done.exit_code == 1
    assert done.stderr == "muster: The store cannot be used: file is not a database. Check database_url and the disk.\n"


@pytest.mark.parametrize(
    ("data_dir", "reason"), [("file/var", "Not a directory"), ("x" * 120, "too long for a socket")]
)
def test_a_data_directory_that_cannot_be_used_is_named(
    muster: Muster, tmp_path: Path, data_dir: str, reason: str
) -> None:
    (tmp_path / "file").touch()

    done = muster("up", data_dir=str(tmp_path / data_dir))

    assert done.exit_code == 1
    assert str(tmp_path / data_dir) in done.stderr
    assert reason in done.stderr


def test_doctor_says_what_is_wrong_in_a_table_and_in_json(muster: Muster, store: Database) -> None:
    table, listed = muster("doctor"), muster("doctor", "--json")

    assert (table.exit_code, listed.exit_code) == (1, 1)
    states = {check["check"]: check["state"] for check in json.loads(listed.stdout)}
    assert states == {"disk": "ok", "store": "ok", "redis": "wrong", "server": "wrong", "jobs": "wrong"}
    assert [line.split()[0] for line in table.stdout.splitlines()] == ["check", *states]
    store.close()
