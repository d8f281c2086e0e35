"""Programs of the system, run without a shell, in the C locale, with a time limit."""

from __future__ import annotations


def run(argv: list[str], timeout_seconds: float) -> str:
    """The standard output of a program; raises OSError when it is missing, fails or takes too long."""
    import errno  # most reports need no program
    import subprocess

    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "SYSTEMD_COLORS": "0"}
    try:
        done = subprocess.run(
            argv, capture_output=True, timeout=timeout_seconds, check=True, env=environment, stdin=subprocess.DEVNULL
        )
    except subprocess.SubprocessError as error:
        raise OSError(errno.EIO, f"{argv[0]}: {type(error).__name__}") from None
    return done.stdout.decode("utf-8", "replace")
