"""running.json: one launcher a data directory, and others find it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from muster_server.running import AlreadyRunningError, Running, claimed, find


def own(data_dir: Path) -> Running:
    urls = {"address": "http://127.0.0.1:8080", "database_url": "sqlite:///x", "redis_url": "redis://x"}
    return Running(pid=os.getpid(), began=psutil.Process().create_time(), data_dir=str(data_dir), **urls)


def test_whoever_holds_the_directory_is_found_until_it_gives_it_back(tmp_path: Path) -> None:
    assert find(str(tmp_path)) is None
    with claimed(own(tmp_path)):
        assert find(str(tmp_path)) == own(tmp_path)
        assert (tmp_path / "running.json").stat().st_mode & 0o777 == 0o600

    assert list(tmp_path.iterdir()) == []


def test_a_second_one_is_refused_with_a_sentence_and_changes_nothing(tmp_path: Path) -> None:
    with claimed(own(tmp_path)):
        sentence = rf"pid {os.getpid()}, http://127.0.0.1:8080\): stop it"
        with pytest.raises(AlreadyRunningError, match=sentence), claimed(own(tmp_path)):
            pass

        assert find(str(tmp_path)) == own(tmp_path)


def test_the_lock_counts_and_not_the_file(tmp_path: Path) -> None:
    with claimed(own(tmp_path)):
        (tmp_path / "running.json").unlink()

        with pytest.raises(AlreadyRunningError, match="already runs"), claimed(own(tmp_path)):
            pass


def test_what_a_killed_launcher_left_is_not_taken_for_one_that_runs(tmp_path: Path) -> None:
    claim = (
        "import sys, os, psutil; from muster_server.running import *\n"
        "kept = claimed(Running(os.getpid(), psutil.Process().create_time(), 'a', sys.argv[1], 'd', 'r'))\n"
        "kept.__enter__(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", claim, str(tmp_path)], check=False)
    assert (tmp_path / "running.json").exists()

    assert find(str(tmp_path)) is None
    with claimed(own(tmp_path)):
        assert find(str(tmp_path)) == own(tmp_path)
