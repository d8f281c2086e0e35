"""Commands that run Muster or look after its store."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from muster_server.cli.context import instance, print_rows, settings_of
from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.errors import MusterError
from muster_server.store.migrate import migrate

PORT = click.IntRange(1, 65_535)


@click.command()
@click.option("--host", help="Address to listen on; default 127.0.0.1.")
@click.option("--port", type=PORT, help="Port to listen on; default 8080.")
@click.option("--demo", is_flag=True, default=None, help="Say on every page that the estate is simulated.")
@click.option("--no-agent", is_flag=True, help="Do not measure this machine.")
@click.option("--beside", metavar="COMMAND", help="Run COMMAND once beside the server, with enrolment keys.")
@click.pass_context
def up(context: click.Context, /, no_agent: bool, beside: str | None, **wishes: str | int | bool | None) -> None:
    """Start everything on this machine: Redis, server, worker, beat and the agent. Ctrl-C ends it all.

    \b
    muster up
    muster --data-dir /srv/muster up --host 0.0.0.0 --port 80
    """  # noqa: D301 - click's mark to keep the lines, not a path
    from muster_server.launcher import Wishes
    from muster_server.launcher import up as launch

    launch(settings_of(context, **wishes), Wishes(agent=not no_agent, beside=beside), say=_say)


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=PORT, help="Port to listen on.")
@click.pass_context
def serve(context: click.Context, host: str | None, *, port: int | None) -> None:
    """Serve pages, API and reports, without worker, beat or Redis."""
    from muster_server.serve import serve as run

    settings = settings_of(context, host=host, port=port)
    _hand_over(settings)
    run(settings)


@click.command()
@click.pass_context
def worker(context: click.Context) -> None:
    """Run the jobs: fold, judge, snapshot, retention."""
    settings = _with_redis(context)
    _celery("worker", "-c", str(settings.worker_processes), "-l", "info")


@click.command()
@click.pass_context
def beat(context: click.Context) -> None:
    """Keep the schedule; run exactly one."""
    settings = _with_redis(context)
    _celery("beat", "-s", str(Path(settings.data_dir) / "beat-schedule"), "-l", "info")


def _with_redis(context: click.Context) -> Settings:
    """The settings of the instance, handed over; raises MusterError when they name no Redis."""
    settings = instance(context)
    if not settings.redis_url:
        raise MusterError("No Redis is named: set MUSTER_REDIS_URL, or start everything with `muster up`.")
    _hand_over(settings)
    return settings


def _hand_over(settings: Settings) -> None:
    """Put settings where the processes that follow read them: the command line is not theirs."""
    for field in settings.__struct_fields__:
        value = getattr(settings, field)
        if value is not None:
            os.environ[f"MUSTER_{field.upper()}"] = str(value)


def _celery(*arguments: str) -> None:
    os.execv(sys.executable, [sys.executable, "-m", "celery", "-A", "muster_server.queue", *arguments])  # noqa: S606


@click.group()
def db() -> None:
    """Look after the store."""


@db.command()
@click.pass_context
def upgrade(context: click.Context) -> None:
    """Bring the store to the newest schema. Safe to repeat."""
    settings = settings_of(context)
    database = Database(settings.store_url)
    migrate(database, now_ms())
    database.close()
    click.echo(f"The store ({settings.store_url.split('://')[0]}) has the newest schema.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Check store, Redis, server, jobs and disk, each with what to do. Exit code 1 when something is wrong."""
    from muster_server.checkup import check_all

    results = check_all(instance(context), now_ms())
    print_rows([result._asdict() for result in results], as_json=as_json, empty="")
    if any(result.state == "wrong" for result in results):
        context.exit(1)


def _say(line: str) -> None:
    click.echo(line)
