"""Authenticode signatures, by osslsigncode. Enters: a key that the force keeps. Leaves: signed files, and a check."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

from ingredients import PackagingError, tool

SIGNED = (".exe", ".dll", ".pyd")


class Key(NamedTuple):
    """PEM files of a private key and its certificate, and the address of a time stamping service or None."""

    key: Path
    certificate: Path
    timestamp: str | None = None


def sign_folder(folder: Path, key: Key) -> None:
    """Sign every program and library below a folder; raises PackagingError."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in SIGNED:
            sign(path, key, description="Muster agent")


def sign(path: Path, key: Key, *, description: str) -> None:
    """Sign one file, in place of what signature it bears; raises PackagingError."""
    made = path.with_name(f"{path.name}.signed")
    stamp = ["-ts", key.timestamp] if key.timestamp else []
    about = ["-key", str(key.key), "-certs", str(key.certificate), "-n", description, "-h", "sha256", *stamp]
    _run(["sign", *about, "-in", str(path), "-out", str(made)], f"{path.name} cannot be signed")
    made.replace(path)


def verify(path: Path, authority: Path) -> None:
    """Raises PackagingError unless a file bears a whole signature that leads to a certificate in `authority` (PEM)."""
    _run(["verify", "-CAfile", str(authority), "-in", str(path)], f"{path.name} is not signed as it should be")


def _run(arguments: list[str], problem: str) -> None:
    line = [tool("osslsigncode", "osslsigncode"), *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise PackagingError(f"{problem}: {said[-1] if said else 'no reason given'}")
