"""Settings: a file, the environment over it, and a sentence for every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster_agent.config import DEFAULT_FILE, Settings, SettingsError, enrolment_key, load


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.skipif(Path(DEFAULT_FILE).exists(), reason="this machine has settings of its own")
def test_without_a_file_or_environment_the_defaults_hold() -> None:
    assert load(None, {"PATH": "/bin", "MUSTER_PORT": "1"}) == Settings()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, 'server_url = "https://one"\nreport_seconds = 600\nculprit_names = false\n')

    settings = load(file, {"MUSTER_AGENT_SERVER_URL": "https://two", "MUSTER_AGENT_SOFTWARE_TITLES": "No"})

    assert (settings.server_url, settings.report_seconds) == ("https://two", 600)
    assert (settings.software_titles, settings.culprit_names) == (False, False)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SERVER_ULR", "x", "Unknown setting 'server_ulr' in {where}: did you mean 'server_url'?"),
        ("ZZZ", "x", "Unknown setting 'zzz' in {where}: known are server_url, enrolment_key, "),
        ("REPORT_SECONDS", "often", "report_seconds in {where} is 'often': write a whole number."),
        ("REPORT_SECONDS", "1.5", "report_seconds in {where} is '1.5': write a whole number."),
        ("REPORT_SECONDS", "59", "report_seconds in {where} is '59': it may be 60 to 86400."),
        ("SAMPLE_SECONDS", "61", "sample_seconds in {where} is '61': it may be 10 to 60."),
        ("SPOOL_BYTES", "1", "spool_bytes in {where} is '1': it may be 100000 to 1000000000."),
        ("CULPRIT_NAMES", "perhaps", "culprit_names in {where} is 'perhaps': write true or false."),
    ],
)
def test_a_mistake_in_the_environment_is_one_sentence(name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(None, {f"MUSTER_AGENT_{name}": value})

    assert str(caught.value).startswith(sentence.format(where=f"MUSTER_AGENT_{name}"))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("sever_url = 'x'", "Unknown setting 'sever_url' in {file}: did you mean 'server_url'?"),
        ("server_url = 5", "server_url in {file} is 5: write a text in quotes."),
        ("ca_file = ['x']", "ca_file in {file} is ['x']: write a text in quotes."),
        ("report_seconds = true", "report_seconds in {file} is True: write a whole number."),
        ("report_seconds = 900.5", "report_seconds in {file} is 900.5: write a whole number."),
        ("software_titles = 3", "software_titles in {file} is 3: write true or false."),
        ("[agent]\nserver_url = 'x'", "Unknown setting 'agent' in {file}: known are"),
        ("server_url = ", "{file} is not TOML: "),
    ],
)
def test_a_mistake_in_the_file_names_the_file(tmp_path: Path, line: str, sentence: str) -> None:
    file = written(tmp_path, line)

    with pytest.raises(SettingsError) as caught:
        load(file, {})

    assert str(caught.value).startswith(sentence.format(file=file))


def test_a_file_that_was_named_must_be_there_and_be_text(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.toml cannot be read: No such file"):
        load(str(tmp_path / "missing.toml"), {})
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="is not TOML"):
        load(str(tmp_path / "config.toml"), {})


def test_the_key_comes_from_the_setting_or_from_the_file_it_names(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("  mk_from_file\n")

    assert enrolment_key(Settings()) == ""
    assert enrolment_key(Settings(enrolment_key="mk_given")) == "mk_given"
    assert enrolment_key(Settings(enrolment_key_file=str(tmp_path / "key"))) == "mk_from_file"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(SettingsError, match=f"^enrolment_key_file {file} cannot be read: "):
        enrolment_key(Settings(enrolment_key_file=str(file)))
