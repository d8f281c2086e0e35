"""Accounts and API tokens."""

from __future__ import annotations

import click

from muster_server.cli.context import instance, print_rows, store
from muster_server.clock import now_ms
from muster_server.roles import ROLES
from muster_server.store import people


@click.group()
def user() -> None:
    """Accounts of people.

    \b
    muster user create "Ada King" --role asset_manager
    muster user link admin
    """  # noqa: D301 - click's mark to keep the lines, not a path


@user.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True)
@click.pass_context
def create_user(context: click.Context, name: str, *, role: str) -> None:
    """Make an account and print a one-time link to sign in."""
    with store(context) as database, database.write() as connection:
        people.create_user(connection, name, role=role, now=now_ms())
        secret = people.make_link(connection, name, now=now_ms(), hours=72)
    click.echo(f"{instance(context).address}/sign-in/{secret}\n(good once, for 72 hours)")


@user.command("link")
@click.argument("name")
@click.pass_context
def link(context: click.Context, name: str) -> None:
    """Print a new one-time link to sign in; an older one ends."""
    with store(context) as database, database.write() as connection:
        secret = people.make_link(connection, name, now=now_ms(), hours=24)
    click.echo(f"{instance(context).address}/sign-in/{secret}\n(good once, for 24 hours)")


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def list_users(context: click.Context, as_json: bool) -> None:
    """Print the accounts."""
    with store(context) as database, database.read() as connection:
        print_rows(people.all_users(connection), as_json=as_json, empty="There are no accounts yet.")


@click.group()
def token() -> None:
    """API tokens of programs.

    \b
    muster token create --role viewer --label "Power BI"
    muster token revoke 3
    """  # noqa: D301 - click's mark to keep the lines, not a path


@token.command("create")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--label", default="API", show_default=True, help="What the token is for.")
@click.option("--days", type=click.IntRange(1, 3_650), default=365, show_default=True, help="How long it is good.")
@click.pass_context
def create_token(context: click.Context, role: str, *, label: str, days: int) -> None:
    """Make a token and print it, this once."""
    with store(context) as database, database.write() as connection:
        click.echo(people.create_token(connection, label, role=role, days=days))


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def list_tokens(context: click.Context, as_json: bool) -> None:
    """Print the tokens, without their secrets."""
    with store(context) as database, database.read() as connection:
        print_rows(people.all_tokens(connection), as_json=as_json, empty="There are no tokens yet.")


@token.command("revoke")
@click.argument("token_id", type=int)
@click.pass_context
def revoke_token(context: click.Context, token_id: int) -> None:
    """End a token at once."""
    with store(context) as database, database.write() as connection:
        if not people.revoke_token(connection, token_id, now=now_ms()):
            raise people.PersonError(f"There is no token {token_id} to revoke: see `muster token list`.")
    click.echo("Revoked.")
