"""The root folder of a Debian 12, made once by debootstrap and kept in a cache outside the repository.

Enters: this machine's own apt configuration, which alone names the mirror. Leaves: a folder that nobody writes to:
`debian.Debian` lays an overlay on it. MUSTER_TEST_CACHE names the cache; default: muster-tests in the user's cache.
`python -m tests.system.rootfs` makes it ahead of the tests.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import needs

SUITE = "bookworm"
# What the agent's package will depend on, and what a Debian needs to boot.
PACKAGES = ("dbus", "python3", "systemd-sysv")
_TOOLS = ("apt-get", "debootstrap", "systemd-nspawn", "nsenter", "setpriv", "unshare", "ip")
_SAY_EVERY_SECONDS = 3.0

Say = Callable[[str], None]


def require(uid: int) -> None:
    """Skip (in CI fail) unless this user can boot a Debian on this machine."""
    if uid != 0:
        needs.missing("booting a Debian needs root: run `sudo make test-system`")
    for name in _TOOLS:
        needs.tool(name)
    spaces = ["unshare", "--mount", "--net", "--pid", "--fork", "true"]
    if subprocess.run(spaces, check=False, capture_output=True).returncode:
        needs.missing("this root may not make namespaces: run on a machine of its own, not in a plain container")


def cached_root(say: Say) -> Path:
    """The folder, made now if there is none; `say` is told how that goes. Raises RuntimeError when it fails."""
    cache = _cache_directory()
    recipe = hashlib.sha256(" ".join((SUITE, *PACKAGES)).encode()).hexdigest()[:8]
    root = cache / f"{SUITE}-{recipe}"
    with _alone(cache / "lock"):
        if not root.exists():
            _make(root, say)
    return root


def mirror() -> str:
    """The mirror from which this machine installs Debian; raises RuntimeError when it names none."""
    columns = "$(ORIGIN) $(COMPONENT) $(RELEASE) $(REPO_URI)"
    asked = ["apt-get", "indextargets", "--format", columns, "Created-By: Packages"]
    listed = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    # Before the first `apt-get update` the origin is empty.
    for origin in ("Debian ", " "):
        for line in listed.splitlines():
            start = f"{origin}main {release} "
            if line.startswith(start):
                return line.removeprefix(start)
    raise RuntimeError("apt knows no mirror of Debian: check /etc/apt/sources.list, then run `apt-get update`.")


def _cache_directory() -> Path:
    named = os.environ.get("MUSTER_TEST_CACHE")
    cache = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "muster-tests"
    cache.mkdir(parents=True, exist_ok=True)
    return cache


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other test processes waiting meanwhile."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(root: Path, say: Say) -> None:
    part = root.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    begun = time.monotonic()
    say(f"Making a Debian 12 in {root} (once, a minute or two) …")
    # In a mount namespace of its own: whatever debootstrap mounts is gone with it, however it ends.
    argv = ["unshare", "--mount", "debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE]
    try:
        _run_aloud([*argv, str(part), mirror()], say)
        for archive in (part / "var/cache/apt/archives").glob("*.deb"):
            archive.unlink()
        part.rename(root)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    say(f"debootstrap took {time.monotonic() - begun:.0f} s.")


def _run_aloud(argv: list[str], say: Say) -> None:
    said_at = time.monotonic()
    last = ""
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_environment()
    ) as made:
        assert made.stdout is not None
        for line in made.stdout:
            last = line.strip() or last
            if time.monotonic() - said_at > _SAY_EVERY_SECONDS:
                said_at = time.monotonic()
                say(f"  {last}")
    if made.returncode:
        raise RuntimeError(f"debootstrap failed with {made.returncode}: {last}")


def _environment() -> dict[str, str]:
    """This process's, with apt's proxy if it has one."""
    asked = ["apt-config", "dump", "--format", "%v%n", "Acquire::http::Proxy"]
    proxy = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    return {**os.environ, "LC_ALL": "C", **({"http_proxy": proxy} if proxy else {})}


if __name__ == "__main__":
    print(cached_root(lambda line: print(line, file=sys.stderr, flush=True)))
