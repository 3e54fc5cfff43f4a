"""audit-log: what operators did, looked at, and shown to be whole."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from config.printable import printable
from config.settings import Settings
from console.cli.common import company_zone, screen
from console.cli.guard import run
from console.cli.times import SINCE, parse_since, wall_clock
from scheduler.bootstrap import open_house
from store import ledger
from store.chain import Chain, Entry, utc

SHOWN = 100  # faults; the others are only counted


def listed(
    since: Annotated[str | None, typer.Option("--since", metavar="T", help=f"Only what was done since. {SINCE}")] = None,
    actor: Annotated[str | None, typer.Option("--actor", metavar="NAME", help="Only by this one.", show_default=False)] = None,
    action: Annotated[str | None, typer.Option("--action", help="Only this, such as pause.", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="How many of the newest.")] = 50,
    machine: Annotated[bool, typer.Option("--json", help="For scripts: an object a line, times in UTC.")] = False,
) -> None:
    """What operators did, the newest last."""
    found, zone = run(_listed(Settings.read(), since, actor, action, limit))
    if machine:
        for entry in found:
            typer.echo(json.dumps(asdict(entry) | {"at": utc(entry.at)}, ensure_ascii=False))
        return
    table = Table("row", "at", "by", "did", "detail")
    for entry in found:
        detail = ", ".join(f"{name}: {value}" for name, value in entry.detail.items() if value is not None)
        table.add_row(str(entry.id), f"{entry.at.astimezone(zone):%Y-%m-%d %H:%M:%S}", entry.actor, entry.action, detail)
    screen().print(table, markup=False)


async def _listed(
    settings: Settings, since: str | None, actor: str | None, action: str | None, limit: int
) -> tuple[Sequence[Entry], ZoneInfo]:
    async with open_house(settings) as house:
        zone = await company_zone(house)
        start = None if since is None else parse_since(since, zone, wall_clock())
        async with house.database.begin() as connection:
            return await ledger.newest(connection, since=start, actor=actor, action=action, limit=limit), zone


def head() -> None:
    """The newest row and its hash, to be written down where nobody who can change the database can change it."""
    newest = run(_head(Settings.read()))
    typer.echo(f"{newest.hash}  {_line(newest)}" if newest else "the audit log is empty")


async def _head(settings: Settings) -> Entry | None:
    async with open_house(settings) as house, house.database.begin() as connection:
        return await ledger.head(connection)


def _line(told: object) -> str:
    """One line of text, whatever stands in a row: who changed one must not be able to wipe what is said of it off the screen."""
    return printable(" ".join(str(told).split()))


def verify(
    written: Annotated[
        str | None, typer.Option("--head", metavar="HASH", help="A hash written down before: its row has to be there.", show_default=False)
    ] = None,
) -> None:
    """Follow the chain from the first row to the last: any row that was changed, removed, put in or moved is named. Exit 1 if one is.

    Whether the newest rows were cut off, or all of it written anew, shows only with a --head that was kept elsewhere.
    """
    if written is not None and not re.fullmatch(r"[0-9a-f]{64}", written := written.strip().lower()):
        raise typer.BadParameter("is no hash; it is 64 digits and letters a-f, as `kabar audit-log head` shows it", param_hint="--head")
    chain, faults = run(_verify(Settings.read(), written))
    if faults:
        typer.echo(f"the audit log is broken: {faults:,} faults in {chain.rows:,} rows", err=True)
        raise typer.Exit(1)
    typer.echo(f"the audit log is whole: {chain.rows:,} rows" + (f", head {chain.last.hash}" if chain.last else ""))


async def _verify(settings: Settings, written: str | None) -> tuple[Chain, int]:
    chain, faults = Chain(written), 0

    def tell(fault: str) -> None:
        nonlocal faults
        faults += 1
        if faults <= SHOWN:
            typer.echo(_line(fault), err=True)

    async with open_house(settings) as house, house.database.begin() as connection:
        async for page in ledger.pages(connection):
            for entry in page:
                for fault in chain.follow(entry):
                    tell(fault)
    for fault in chain.end():
        tell(fault)
    return chain, faults
