"""What every command shares: which instance it speaks to, how it prints, and how it fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec
from sqlalchemy.exc import OperationalError

from muster_server.clock import iso
from muster_server.config import Settings, load_settings
from muster_server.db import Database
from muster_server.encoding import canonical
from muster_server.errors import MusterError
from muster_server.running import find
from muster_server.store.migrate import check_migrated, unavailable


class Muster(click.Group):
    """A group whose commands fail with a sentence, not with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what went wrong becomes one line on stderr and exit code 1."""
        try:
            return super().invoke(ctx)
        except MusterError as error:
            sentence = str(error)
        except OperationalError as error:
            sentence = str(unavailable(error))
        except BrokenPipeError:
            raise  # whoever read our output has gone: click knows what to do
        except OSError as error:
            sentence = f"{error.filename or 'The data directory'} cannot be used: {error.strerror}."
        click.echo(f"muster: {sentence}", err=True)
        raise click.exceptions.Exit(1)


def settings_of(context: click.Context, **wishes: Any) -> Settings:
    """Settings from --config, the environment, --data-dir and what a command's own options wish (None: nothing)."""
    named = context.obj["config"]
    environ = dict(os.environ)
    for name, value in {"data_dir": context.obj["data_dir"], **wishes}.items():
        if value is not None:
            environ[f"MUSTER_{name.upper()}"] = str(value)
    return load_settings(Path(named) if named else None, environ)


def instance(context: click.Context) -> Settings:
    """Settings of the instance that runs in the data directory, if one does; says which on stderr."""
    settings = settings_of(context)
    found = find(settings.data_dir)
    if found is None:
        return settings
    if sys.stderr.isatty():
        click.echo(f"(the instance at {found.address}, data in {found.data_dir})", err=True)
    kept = {"database_url": found.database_url, "redis_url": found.redis_url, "public_url": found.address}
    return msgspec.structs.replace(settings, **kept)


@contextmanager
def store(context: click.Context) -> Iterator[Database]:
    """The store of the instance, checked to be migrated."""
    database = Database(instance(context).store_url)
    try:
        check_migrated(database)
        yield database
    finally:
        database.close()


def print_rows(rows: list[dict[str, Any]], *, as_json: bool, empty: str) -> None:
    """A table of rows, or one JSON list; instants (`…_at`) as ISO 8601."""
    shown = [{name: _written(name, value) for name, value in row.items()} for row in rows]
    if as_json:
        click.echo(canonical(shown))
    elif not shown:
        click.echo(empty)
    else:
        table = [list(shown[0]), *([("" if v is None else str(v)) for v in row.values()] for row in shown)]
        widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
        for line in table:
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _written(name: str, value: Any) -> Any:
    return iso(value) if name.endswith("_at") and isinstance(value, int) else value
