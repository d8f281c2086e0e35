"""Judging by hand, the policy, and exports."""

from __future__ import annotations

import sys
import time

import click

from muster_server.cli.context import instance, settings_of, store
from muster_server.clock import now_ms
from muster_server.encoding import canonical
from muster_server.exports.recommendations import write_recommendations
from muster_server.health.policy import load_policy
from muster_server.store.lists import Filters


@click.command()
@click.option("--all", "everything", is_flag=True, help="Judge every device, whether due or not.")
@click.pass_context
def assess(context: click.Context, everything: bool) -> None:
    """Judge the devices that are due, here and now, and print how fast."""
    from muster_server.jobs import judge  # Polars is for jobs

    with store(context) as database:
        begun = time.monotonic()
        work = judge.judge_all if everything else judge.run
        done = work(database, instance(context), now=now_ms())
        took = time.monotonic() - begun
    click.echo(f"Judged {done} devices in {took:.1f} s ({done / took:.0f} a second).")


@click.command()
@click.pass_context
def snapshot(context: click.Context) -> None:
    """Make the estate's snapshot now."""
    from muster_server.jobs import snapshot as job

    with store(context) as database:
        count = job.run(database, instance(context), now=now_ms())
    click.echo(f"The snapshot holds {count} devices.")


@click.group()
def policy() -> None:
    """Thresholds in force.

    \b
    muster policy show
    MUSTER_POLICY_FILE=policy.toml muster policy show
    """  # noqa: D301 - click's mark to keep the lines, not a path


@policy.command("show")
@click.pass_context
def show_policy(context: click.Context) -> None:
    """Print the policy in force as JSON, with its digest; a mistake in the file is named."""
    chosen = load_policy(settings_of(context).policy_file)
    click.echo(canonical({"sha256": chosen.sha256, "policy": chosen}))


@click.group()
def export() -> None:
    """Lists as files.

    \b
    muster export replacements --csv > replacements.csv
    """  # noqa: D301 - click's mark to keep the lines, not a path


@export.command("replacements")
@click.option("--csv", "as_csv", is_flag=True, required=True, help="CSV that is safe to open in a spreadsheet.")
@click.option("--bom", is_flag=True, help="Begin with a byte order mark, for older spreadsheets.")
@click.pass_context
def export_replacements(context: click.Context, as_csv: bool, *, bom: bool) -> None:  # noqa: ARG001
    """Print every open recommendation with its evidence."""
    with store(context) as database:
        for text in write_recommendations(database, Filters(), bom=bom):
            sys.stdout.write(text)
