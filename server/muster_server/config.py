"""Settings. Enters: one TOML file and `MUSTER_*` from the environment, which wins. Leaves: a frozen `Settings`.

An unknown key is an error that names its nearest neighbour; a wrong type or range names the key and what is allowed.
`MUSTER_X_FILE` reads the value of X from a file, for secrets handed over by systemd or an orchestrator.
"""

from __future__ import annotations

import difflib
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import URL

from muster_server.errors import ConfigError

_PREFIX = "MUSTER_"
_LEAST_KEY_BYTES = 16
# Read by the agent, by tests and by the simulated estate: not ours, though they share the prefix.
_FOREIGN = ("MUSTER_AGENT_", "MUSTER_TEST_", "MUSTER_FLEET_")

Port = Annotated[int, Meta(ge=1, le=65_535)]
Few = Annotated[int, Meta(ge=1, le=512)]
Secret = Annotated[str, Meta(min_length=16)]
RedisUrl = Annotated[str, Meta(pattern=r"^(redis|rediss|redis\+socket|sentinel)://")]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything an administrator can set; each name is also the environment's, in capitals after MUSTER_."""

    data_dir: str = "var"
    database_url: str | None = None  # default: SQLite in data_dir
    redis_url: RedisUrl | None = None  # default: a private Redis on a unix socket, started by `muster up`
    host: str = "127.0.0.1"
    port: Port = 8080
    public_url: str | None = None  # what people type, when a proxy stands before Muster
    proxy_hops: Annotated[int, Meta(ge=0, le=10)] = 0
    web_processes: Few = 1  # SQLite takes one
    web_threads: Few = 16  # for pages; reports need none
    body_seconds: Annotated[int, Meta(ge=1, le=600)] = 30  # a request's body must have arrived within this
    worker_processes: Few = 1  # SQLite takes one
    secret_key: Secret | None = None  # signs device tokens and forms; default: a file made in data_dir
    report_seconds: Annotated[int, Meta(ge=300, le=86_400)] = 900
    policy_file: str | None = None  # default: the policy that ships with Muster
    session_idle_minutes: Annotated[int, Meta(ge=1, le=1_440)] = 30
    session_hours: Annotated[int, Meta(ge=1, le=168)] = 12
    raw_report_days: Annotated[int, Meta(ge=1, le=400)] = 7
    use_hour_days: Annotated[int, Meta(ge=1, le=400)] = 30
    demo: bool = False  # the estate is simulated: every page says so
    log_level: Annotated[str, Meta(pattern="^(debug|info|warning|error)$")] = "info"

    @property
    def store_url(self) -> str:
        """The database in use, `database_url` or SQLite in `data_dir`."""
        if self.database_url:
            return self.database_url
        file = Path(self.data_dir).resolve() / "muster.db"
        return URL.create("sqlite", database=str(file)).render_as_string()  # a path may hold ? or %

    @property
    def address(self) -> str:
        """The URL that people open."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared, not bound
        return self.public_url or f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Settings from `path` (TOML, may be None) and the environment; raises ConfigError with a sentence."""
    values = _from_file(path) if path else {}
    where = dict.fromkeys(values, f"in {path}")
    for name, value in _from_environment(environ).items():
        values[name] = value
        where[name] = f"from {_PREFIX}{name.upper()}"
    names = [field.name for field in msgspec.structs.fields(Settings)]
    for name in values:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}."
            raise ConfigError(f"Unknown setting {name!r} {where[name]}: {hint}")
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(_sentence(error, where)) from None
    if settings.store_url.startswith("sqlite") and max(settings.web_processes, settings.worker_processes) > 1:
        raise ConfigError("SQLite has one writer: set web_processes and worker_processes to 1, or use PostgreSQL.")
    return settings


def secret_key(settings: Settings) -> bytes:
    """The server's key: the setting, else the file `secret.key` in data_dir, made on first use with mode 0600.

    Raises ConfigError when the file holds no key: with a key that everybody can guess, everybody could be any device.
    """
    if settings.secret_key:
        return settings.secret_key.encode()
    path = Path(settings.data_dir) / "secret.key"
    if not path.exists():
        _make_key(path)
    key = path.read_bytes().strip()
    if len(key) < _LEAST_KEY_BYTES:
        raise ConfigError(f"{path} holds no key: restore it, or remove it and every device must enrol again.")
    return key


def _make_key(path: Path) -> None:
    """Write a key whole or not at all; whoever else makes one at the same moment may win."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix="secret.") as file:  # only its owner may read it
        file.write(os.urandom(32).hex().encode())
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(file.name)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"There is no settings file {path}: check --config.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for variable, value in environ.items():
        if not variable.startswith(_PREFIX) or variable.startswith(_FOREIGN):
            continue
        name = variable.removeprefix(_PREFIX).lower()
        if name.endswith("_file") and name != "policy_file":
            try:
                values[name.removesuffix("_file")] = Path(value).read_text("utf-8").strip()
            except OSError as error:
                raise ConfigError(f"{variable} names {value}, which cannot be read: {error.strerror}.") from None
        elif name != "config":  # the command line's --config
            values[name] = value
    return values


def _sentence(error: msgspec.ValidationError, where: Mapping[str, str]) -> str:
    match = re.search(r"\$\.(\w+)", str(error))
    name = match.group(1) if match else "?"
    return f"Setting {name!r} {where.get(name, '')}: {str(error).split(' - at ')[0]}."
