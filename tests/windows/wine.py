"""A Windows made by Debian's Wine: a folder of its own, and all that runs in it ends with the test.

Enters: commands of Windows. Leaves: what they said. Wine is no Windows: what it lacks is said where it matters.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests import needs
from tests.e2e.programs import wait_for

_PLACES = "/usr/lib/wine"
STATE = r"HKLM\SOFTWARE\Muster\Agent"


class Wine:
    """One Windows 10, switched on until `end`."""

    def __init__(self, folder: Path) -> None:
        """Made in `folder`, which is to be new."""
        self._folder = folder
        self._wine = needs.tool("wine64", _PLACES)
        self._server = needs.tool("wineserver", _PLACES)
        quiet = {"WINEDEBUG": "-all", "WINEPREFIX": str(folder), "WINEDLLOVERRIDES": "mscoree,mshtml="}
        self._env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **quiet}
        self.run("wineboot", "--init")
        self.run("reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f")
        # Services live as long as somebody is signed in.
        line = [self._wine, "cmd.exe", "/k", "echo ready"]
        self._session = subprocess.Popen(line, env=self._env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._session.stdout is not None
        assert self._session.stdout.readline().strip() == b"ready"

    def run(
        self, *command: str, code: int | None = 0, place: Path | None = None, env: dict[str, str] | None = None
    ) -> str:
        """What a command says; fails when it ends with another code (None: any will do)."""
        done = subprocess.run(
            [self._wine, *command],
            env={**self._env, **(env or {})},
            cwd=place,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        said = done.stdout.decode("utf-8", "replace").replace("\r\n", "\n")
        assert code is None or done.returncode == code, f"{command}: {done.returncode}: {said}{done.stderr.decode()}"
        return said

    def path(self, windows: str) -> Path:
        r"""Where a path like C:\… lies here."""
        return self._folder / "drive_c" / windows.removeprefix("C:\\").replace("\\", "/")

    def values(self, key: str) -> dict[str, str]:
        """The values of a registry key; empty where there is no such key."""
        said = self.run("reg", "query", key, code=None).partition(key.replace("HKLM", "HKEY_LOCAL_MACHINE"))[2]
        own = said.partition("\nHKEY_")[0]
        return dict(re.findall(r"^    (\S+)    REG_\w+    (.*)$", own, flags=re.MULTILINE))

    def status(self) -> dict[str, str]:
        """What the agent tells deployment tools."""
        return self.values(STATE)

    def wait_for_status(self, name: str, value: str) -> None:
        """Until the agent tells `value`, a pattern; as long as a young machine may make it wait."""
        wait_for(f"{name} like {value!r}", lambda: re.fullmatch(value, self.status().get(name, "")), 150)

    def service(self) -> str:
        """The state of the service, empty where there is none."""
        found = re.search(r"STATE +: \d +(\w+)", self.run("sc", "query", "MusterAgent", code=None))
        return found[1] if found else ""

    def stop_service(self) -> None:
        """Stop it, and wait until it has: `net` itself does not."""
        self.run("net", "stop", "MusterAgent")
        wait_for("end of the service", lambda: self.service() == "STOPPED")

    def end(self) -> None:
        """Switch it off, and remove it: it is large."""
        subprocess.run([self._server, "--kill"], env=self._env, check=False)
        self._session.communicate(timeout=30)
        shutil.rmtree(self._folder)


def windows_path(path: Path) -> str:
    """How Wine calls a file of this machine."""
    return "Z:" + str(path).replace("/", "\\")
