"""forget and readmit: a customer is erased and kept out, and may come back."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from config.settings import Settings
from console.cli.common import fault, nobody, operator
from console.cli.guard import run
from console.cli.sheets import json_lines, target
from jobs.forget import Forgotten, NobodyThere, forget_again, forget_customer, readmit_customer
from scheduler.bootstrap import open_house
from store import forget as store_forget
from store import ticks
from store.forget import Stone

By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it, for the audit log; default: the login name.")]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: the request, a ticket. Without the name.", show_default=False)]
STONE = ("key", "forgotten_at", "forgotten_by", "reason")


def forget(
    customer_no: Annotated[str | None, typer.Argument(metavar="CUSTOMER_NO", help="Whom.", show_default=False)] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: the request, a ticket. Without the name.")] = "",
    by: By = None,
    stones: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="After a restore: everybody of `kabar export tombstones`.")
    ] = None,
) -> None:
    """Erase a customer: name, addresses, data, contents. There is no way back. What was agreed to, and counts, stay without a name.

    What waits for them is cancelled. No file, event or receipt brings them back; an address that must not be written to stays so.
    """
    if (customer_no is None) == (stones is None):
        raise typer.BadParameter("say whom: CUSTOMER_NO, or --from FILE after a restore")
    if stones is not None:
        again, absent = run(_from(Settings.read(), stones, by or operator()))
        typer.echo(f"{again} of {stones} were here and are forgotten again; {absent} were not here, and stay out")
        return
    if not reason.strip():
        raise typer.BadParameter("say why, such as 'request of 20 November, CRM-1182'", param_hint="--reason")
    done = run(_forget(Settings.read(), customer_no or "", by or operator(), " ".join(reason.split())))
    typer.echo(_said(customer_no or "", done))


def _said(customer_no: str, done: Forgotten) -> str:
    told = f"{done.stopped} messages stopped, {done.traces} rows of what was sent emptied"
    if done.before is None:
        return f"customer {customer_no} is forgotten: {told}"
    return f"customer {customer_no} was forgotten on {done.before.forgotten_at:%Y-%m-%d} by {done.before.forgotten_by}; since then: {told}"


async def _forget(settings: Settings, customer_no: str, by: str, reason: str) -> Forgotten:
    async with open_house(settings) as house:
        try:
            return await forget_customer(house, customer_no, by=by, reason=reason, now=house.clock.now())
        except NobodyThere:
            async with house.database.begin() as connection:
                raise fault("customer", await nobody(connection, customer_no)) from None


async def _from(settings: Settings, file: Path, by: str) -> tuple[int, int]:
    stones = _read(file)
    async with open_house(settings) as house:
        here = [await forget_again(house, stone, by=by, now=house.clock.now()) for stone in stones]
    return sum(here), len(here) - sum(here)


def _read(file: Path) -> list[Stone]:
    found = []
    for number, line in enumerate(file.read_bytes().splitlines(), 1):  # of bytes: text ends lines at signs that JSON leaves alone
        try:
            found.append(_stone(line))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise fault(f"{file}:{number}", "is no line of `kabar export tombstones`; nobody was forgotten") from None
    return found


def _stone(line: bytes) -> Stone:
    row = json.loads(line)
    stone = Stone(row["key"], datetime.fromisoformat(row["forgotten_at"]), row["forgotten_by"], row["reason"])
    words = "".join((stone.key, stone.forgotten_by, stone.reason)).encode()  # TypeError, ValueError: what is no text
    if stone.forgotten_at.tzinfo is None or 0 in words:
        raise ValueError("a moment without a zone, or a word that no database keeps")
    return stone


def readmit(
    customer_no: Annotated[str, typer.Argument(metavar="CUSTOMER_NO", help="Whom.", show_default=False)], reason: Why, by: By = None
) -> None:
    """Let a forgotten customer come back with the next customer file, as somebody new. Their opt-outs hold as before."""
    if not reason.strip():
        raise typer.BadParameter("say why, such as 'new account opened, CRM-1182'", param_hint="--reason")
    if not run(_readmit(Settings.read(), customer_no, by or operator(), " ".join(reason.split()))):
        raise fault("customer", f"{customer_no} is not forgotten; nothing keeps a customer file from bringing them")
    typer.echo(f"the next customer file may bring {customer_no} back; what was erased stays erased")


async def _readmit(settings: Settings, customer_no: str, by: str, reason: str) -> bool:
    async with open_house(settings) as house:
        return await readmit_customer(house, customer_no, by=by, reason=reason, now=house.clock.now())


def export(
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write here instead of to standard output.")] = None,
) -> None:
    """Who is forgotten, by hashes: to keep beside backups, and for `kabar forget --from` after a restore."""
    with target(out) as file:
        stones = run(_stones(Settings.read()))
        json_lines(file, STONE)([list(asdict(stone).values()) for stone in stones])


async def _stones(settings: Settings) -> list[Stone]:
    async with open_house(settings) as house, house.database.begin() as connection:
        found = await store_forget.stones(connection)
        await ticks.record(
            connection, actor=operator(), action="export.tombstones", detail={"tombstones": len(found)}, now=house.clock.now()
        )
        return found
