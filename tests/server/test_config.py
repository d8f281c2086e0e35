"""Settings: one file, the environment over it, and sentences for every mistake."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import make_url

from muster_server.config import Settings, load_settings, secret_key
from muster_server.errors import ConfigError


def test_without_a_file_or_environment_the_defaults_hold() -> None:
    settings = load_settings(None, {})

    assert settings.address == "http://127.0.0.1:8080"
    assert settings.store_url.startswith("sqlite:///")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "muster.toml"
    file.write_text('port = 9000\nhost = "::1"\n')

    settings = load_settings(file, {"MUSTER_PORT": "9001"})

    assert settings.address == "http://[::1]:9001"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"MUSTER_PROT": "1"}, "Unknown setting 'prot' from MUSTER_PROT: did you mean 'port'?"),
        ({"MUSTER_PORT": "eighty"}, "Setting 'port' from MUSTER_PORT: Expected `int`, got `str`."),
        ({"MUSTER_PORT": "70000"}, "Setting 'port' from MUSTER_PORT: Expected `int` <= 65535."),
        ({"MUSTER_WEB_PROCESSES": "2"}, "SQLite has one writer"),
        ({"MUSTER_SECRET_KEY_FILE": "/nowhere/key"}, "MUSTER_SECRET_KEY_FILE names /nowhere/key, which cannot be read"),
    ],
)
def test_a_mistake_in_the_environment_is_one_sentence(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError, match="^" + sentence.replace("?", r"\?")):
        load_settings(None, environment)


def test_an_unknown_key_in_the_file_names_its_nearest_neighbour(tmp_path: Path) -> None:
    file = tmp_path / "muster.toml"
    file.write_text("databse_url = 'sqlite:///x'\n")

    with pytest.raises(ConfigError, match=r"Unknown setting 'databse_url' in .*did you mean 'database_url'\?"):
        load_settings(file, {})


def test_a_file_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("port =\n")

    with pytest.raises(ConfigError, match="There is no settings file"):
        load_settings(tmp_path / "missing.toml", {})
    with pytest.raises(ConfigError, match="is not TOML"):
        load_settings(broken, {})


def test_a_secret_may_come_from_a_file_and_the_agents_own_variables_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("open sesame, for my\n")

    settings = load_settings(None, {"MUSTER_SECRET_KEY_FILE": str(tmp_path / "key"), "MUSTER_AGENT_SERVER_URL": "x"})

    assert secret_key(settings) == b"open sesame, for my"


def test_the_server_makes_its_key_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path / "var"))

    first = secret_key(settings)

    assert len(first) == 64
    assert secret_key(settings) == first
    assert (tmp_path / "var" / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_data_directory_may_have_any_name(tmp_path: Path) -> None:
    odd = tmp_path / "Müster #1 50%3F?x"

    url = Settings(data_dir=str(odd)).store_url

    assert make_url(url).database == f"{odd}/muster.db"


def test_a_key_that_is_none_is_refused_and_not_used(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("\n")

    with pytest.raises(ConfigError, match=r"secret\.key holds no key: restore it"):
        secret_key(Settings(data_dir=str(tmp_path)))
    with pytest.raises(ConfigError, match="Setting 'secret_key'"):
        load_settings(None, {"MUSTER_SECRET_KEY": "short"})


def test_many_who_make_the_key_at_once_all_hold_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: secret_key(Settings(data_dir=str(tmp_path))), range(32)))

    assert len(set(keys)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]
