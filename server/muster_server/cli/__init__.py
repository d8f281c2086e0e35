"""The `muster` command. Each module holds the commands of one subject.

Exit codes: 0 done; 1 it could not be done, with a sentence on stderr; 2 the command line is wrong.
"""

from __future__ import annotations

import click

from muster_server.cli.context import Muster
from muster_server.cli.devices import device, key
from muster_server.cli.judging import assess, export, policy, snapshot
from muster_server.cli.people import token, user
from muster_server.cli.run import beat, db, doctor, serve, up, worker


@click.group(cls=Muster, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(dir_okay=False), envvar="MUSTER_CONFIG", help="Settings file (TOML).")
@click.option("--data-dir", type=click.Path(file_okay=False), help="Where Muster keeps its data; default: var.")
@click.version_option(package_name="muster-estate")
@click.pass_context
def main(context: click.Context, config: str | None, *, data_dir: str | None) -> None:
    """Muster: which devices are ready for work, and which to fix, upgrade or replace first.

    \b
    muster up                         start everything on this machine
    muster token create --role viewer --label "Power BI"
    muster export replacements --csv  the list for the finance board
    """  # noqa: D301 - click's mark to keep the lines, not a path
    context.obj = {"config": config, "data_dir": data_dir}


for command in (up, serve, worker, beat, db, doctor, user, token, key, device, assess, snapshot, policy, export):
    main.add_command(command)

__all__ = ["main"]
