"""Enrolment keys and devices."""

from __future__ import annotations

from typing import get_args

import click

from muster_server.cli.context import print_rows, store
from muster_server.clock import DAY_MS, now_ms
from muster_server.errors import MusterError
from muster_server.health.findings import Verdict
from muster_server.store.enrolment import all_keys, approve, make_key, revoke_key
from muster_server.store.lists import Filters, Page, device_lines
from muster_server.store.revocations import revoke

_SHOWN = ("uid", "hostname", "device_class", "os_name", "unit", "verdict", "reported_at")


@click.group()
def key() -> None:
    """Enrolment keys: what lets a device in.

    \b
    muster key create --label "Northgate laptops" --unit Northgate --uses 40
    muster key create --label "Unknown site" --needs-approval
    muster key list --json
    """  # noqa: D301 - click's mark to keep the lines, not a path


@key.command("create")
@click.option("--label", required=True, help="What the key is for.")
@click.option("--unit", help="Unit of the devices that enrol with it.")
@click.option("--site", help="Site of those devices.")
@click.option("--uses", type=click.IntRange(1, 1_000_000), default=100, show_default=True)
@click.option("--days", type=click.IntRange(1, 366), default=7, show_default=True)
@click.option("--needs-approval", is_flag=True, help="Devices count in no figure until they are approved.")
@click.pass_context
def create(context: click.Context, /, label: str, **terms: str | int | bool | None) -> None:
    """Make a key and print it, this once."""
    days, uses = int(terms.pop("days") or 0), terms.pop("uses")
    chosen = {**terms, "uses_left": uses, "expires_at": now_ms() + days * DAY_MS}
    with store(context) as database, database.write() as connection:
        click.echo(make_key(connection, label, now=now_ms(), terms=chosen))


@key.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def list_keys(context: click.Context, as_json: bool) -> None:
    """Print the keys, without their secrets."""
    with store(context) as database, database.read() as connection:
        print_rows(all_keys(connection), as_json=as_json, empty="There are no keys: `muster key create --label …`.")


@key.command("revoke")
@click.argument("key_id", type=int)
@click.pass_context
def revoke_one(context: click.Context, key_id: int) -> None:
    """End a key: no more devices enrol with it."""
    with store(context) as database, database.write() as connection:
        if not revoke_key(connection, key_id, now=now_ms()):
            raise MusterError(f"There is no key {key_id} to revoke: see `muster key list`.")
    click.echo("Revoked.")


@click.group()
def device() -> None:
    """Devices: those that enrolled, and what became of them.

    \b
    muster device list --verdict replace
    muster device list --waiting
    muster device approve 0193a4c2-…
    """  # noqa: D301 - click's mark to keep the lines, not a path


@device.command("list")
@click.option("--search", default="", help="Part of a hostname, serial or model.")
@click.option("--verdict", type=click.Choice((*get_args(Verdict), "not judged")), help="Only those judged so.")
@click.option("--waiting", is_flag=True, help="Those that wait for approval.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def list_devices(context: click.Context, /, search: str, as_json: bool, **narrow: str | bool | None) -> None:
    """Print devices, at most 1,000."""
    filters = Filters(text=search, verdict=str(narrow["verdict"] or ""), waiting=bool(narrow["waiting"]))
    with store(context) as database, database.read() as connection:
        lines = device_lines(connection, filters, page=Page(limit=1_000), now=now_ms())
    rows = [{name: line[name] for name in _SHOWN} for line in lines]
    none = "No device fits." if filters != Filters() else "There are no devices yet: `muster key create` lets them in."
    print_rows(rows, as_json=as_json, empty=none)


@device.command("approve")
@click.argument("uid")
@click.pass_context
def approve_one(context: click.Context, uid: str) -> None:
    """Let a waiting device count in figures, flags and plans."""
    with store(context) as database, database.write() as connection:
        if not approve(connection, uid, now=now_ms()):
            raise MusterError(f"No device {uid} waits for approval: see `muster device list --waiting`.")
    click.echo("Approved.")


@device.command("revoke")
@click.argument("uid")
@click.pass_context
def revoke_device(context: click.Context, uid: str) -> None:
    """Refuse the tokens that a device holds today, within 30 seconds."""
    with store(context) as database, database.write() as connection:
        if not revoke(connection, uid, by="muster device revoke", now=now_ms()):
            raise MusterError(f"There is no device {uid}: see `muster device list`.")
    click.echo("Revoked: its agent stops and asks again once an hour. It enrols anew with an enrolment key.")
