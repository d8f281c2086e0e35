"""Settings of the agent: a file (registry policy on Windows), then MUSTER_AGENT_* of the environment. All are local.

Enters: a TOML file and the environment. Leaves: frozen `Settings`, or a SettingsError with name, value and what may be.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

PREFIX = "MUSTER_AGENT_"
DEFAULT_FILE = "/etc/muster-agent/config.toml"
if sys.platform == "win32":
    import winreg

    def _program_data() -> str:
        """Where Windows itself looks it up to make the variable, which a parent process may have changed."""
        profiles = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, profiles) as key:
            return winreg.ExpandEnvironmentStrings(str(winreg.QueryValueEx(key, "ProgramData")[0]))

    PROGRAM_DATA = _program_data()
    DEFAULT_STATE = os.path.join(PROGRAM_DATA, "Muster", "Agent")
elif sys.platform == "darwin":
    DEFAULT_STATE = "/Library/Application Support/Muster/Agent"
else:
    DEFAULT_STATE = "/var/lib/muster-agent"
PRIVILEGED = "as administrator" if sys.platform == "win32" else "as root"
# Of Windows' registry: what the installer wrote, which SYSTEM and Administrators alone may read, and Group Policy.
INSTALLED, POLICY = r"SOFTWARE\Muster\Agent\Settings", r"SOFTWARE\Policies\Muster"


class SettingsError(Exception):
    """A setting is unknown, of the wrong type or out of range."""


class Settings(NamedTuple):
    """Everything an administrator can set."""

    server_url: str = ""
    enrolment_key: str = ""
    enrolment_key_file: str = ""
    state_dir: str = DEFAULT_STATE
    ca_file: str = ""  # PEM of the authority that signed the server's certificate; default: the system's store
    proxy: str = ""  # http://host:port
    proxy_bypass: str = ""  # what is reached without a proxy, in the words of NO_PROXY
    report_seconds: int = 900
    sample_seconds: int = 60
    spool_bytes: int = 16_000_000
    software_titles: bool = True
    culprit_names: bool = True


_RANGES = {"report_seconds": (60, 86_400), "sample_seconds": (10, 60), "spool_bytes": (100_000, 1_000_000_000)}
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def load(path: str | None, environ: Mapping[str, str]) -> Settings:
    """Settings of a file (None: the system's own, if it is there) and the environment; raises SettingsError."""
    found = _stored(path)
    for variable, value in environ.items():
        if variable.startswith(PREFIX):
            found[variable[len(PREFIX) :].lower()] = (value, variable)
    values = {name: _checked(name, value, where=where) for name, (value, where) in found.items()}
    return Settings(**values)


def enrolment_key(settings: Settings) -> str:
    """The key itself, from the setting or the file it names; empty when there is none. Raises SettingsError."""
    if settings.enrolment_key or not settings.enrolment_key_file:
        return settings.enrolment_key
    try:
        with open(settings.enrolment_key_file, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SettingsError(f"enrolment_key_file {settings.enrolment_key_file} cannot be read: {reason}.") from None


def _stored(path: str | None) -> dict[str, tuple[Any, str]]:
    """Name → value and where it stands."""
    if path is not None:
        return _file(path)
    if sys.platform == "win32":
        return {**_registry(INSTALLED), **_registry(POLICY)}
    else:  # noqa: RET505 - mypy reads each branch for its own platform only
        return _file(DEFAULT_FILE) if os.path.exists(DEFAULT_FILE) else {}


def _file(path: str) -> dict[str, tuple[Any, str]]:
    import tomllib  # not every device has a file

    try:
        with open(path, "rb") as file:
            return {name: (value, path) for name, value in tomllib.load(file).items()}
    except OSError as error:
        hint = f"Run it {PRIVILEGED}, or name another file with --config."
        raise SettingsError(f"The settings file {path} cannot be read: {error.strerror}. {hint}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None


if sys.platform == "win32":

    def _registry(path: str) -> dict[str, tuple[Any, str]]:
        """Values under a key of HKEY_LOCAL_MACHINE; the installer leaves those that it was not told empty."""
        try:
            key = winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path)
        except OSError:  # none there, or this user may not see it
            return {}
        with key:
            found = (winreg.EnumValue(key, n) for n in range(winreg.QueryInfoKey(key)[1]))
            return {name.lower(): (value, rf"HKLM\{path}") for name, value, _ in found if value != ""}


def _checked(name: str, value: Any, *, where: str) -> Any:
    defaults = Settings()._asdict()
    if name not in defaults:
        import difflib  # only for the sentence

        near = difflib.get_close_matches(name, list(defaults), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(defaults)}."
        raise SettingsError(f"Unknown setting {name!r} in {where}: {hint}")
    kind = type(defaults[name])
    if kind is bool:
        if str(value).lower() not in _WORDS:
            raise SettingsError(f"{name} in {where} is {value!r}: write true or false.")
        return _WORDS[str(value).lower()]
    if kind is int:
        return _in_range(name, value, where=where)
    if not isinstance(value, str):
        raise SettingsError(f"{name} in {where} is {value!r}: write a text in quotes.")
    return value


def _in_range(name: str, value: Any, *, where: str) -> int:
    low, high = _RANGES[name]
    try:
        number = int(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None:
        raise SettingsError(f"{name} in {where} is {value!r}: write a whole number.")
    if not low <= number <= high:
        raise SettingsError(f"{name} in {where} is {value!r}: it may be {low} to {high}.")
    return number
