"""Files of the agent's own: replaced whole, readable by nobody else, used by one agent at a time."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from tests import needs

from muster_agent.files import InUseError, append, lock, private_directory, read_json, remove, write_whole


def test_a_file_is_replaced_whole_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "identity.json"
    path.write_text("old")
    path.chmod(0o644)
    old = os.umask(0)
    try:
        write_whole(str(path), b"new")
    finally:
        os.umask(old)

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["identity.json"]


def test_what_a_crash_left_half_written_does_not_lend_its_rights(tmp_path: Path) -> None:
    left = tmp_path / "identity.json.new"
    left.write_text("half")
    left.chmod(0o666)

    write_whole(str(tmp_path / "identity.json"), b"whole")

    assert stat.S_IMODE((tmp_path / "identity.json").stat().st_mode) == 0o600


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(IsADirectoryError):
        write_whole(str(tmp_path / "taken"), b"x")

    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_holds_no_object_is_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "told.json").write_bytes(content)

    assert read_json(str(tmp_path / "told.json")) == {}
    assert read_json(str(tmp_path / "missing.json")) == {}


def test_removing_takes_what_a_crash_left_along(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "a.new").write_text("")

    remove(str(tmp_path / "a"))
    remove(str(tmp_path / "a"))

    assert [path.name for path in tmp_path.iterdir()] == []


def test_a_directory_that_is_made_is_private_and_one_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)

    private_directory(str(tmp_path / "new"))
    private_directory(str(tmp_path / "open"))

    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o755


def test_two_agents_do_not_share_a_directory(tmp_path: Path) -> None:
    with lock(str(tmp_path)), pytest.raises(InUseError, match="stop it first"):
        lock(str(tmp_path))

    lock(str(tmp_path)).close()


def test_what_root_writes_beside_an_agent_without_rights_belongs_to_that_agent(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        needs.missing("giving files away needs root")
    os.chown(tmp_path, 4_711, 4_711)

    write_whole(str(tmp_path / "told.json"), b"{}")
    append(str(tmp_path / "1.spool"), b"x", at=0)
    private_directory(str(tmp_path / "spool"))

    assert {path.stat().st_uid for path in tmp_path.iterdir()} == {4_711}
