"""What a machine lacks that cannot boot a Debian is said: a skipped test locally, a failed one in CI."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.system import rootfs


def test_who_is_not_root_is_told_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="sudo make test-system"):
        rootfs.require(1_000)


def test_in_ci_nothing_may_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CI", "1")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(pytest.fail.Exception, match="apt-get is not installed"):
        rootfs.require(0)
    with pytest.raises(pytest.fail.Exception, match="needs root"):
        rootfs.require(1_000)
