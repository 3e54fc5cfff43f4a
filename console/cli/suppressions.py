"""suppressions: whom and what is not written to, looked at, added to and lifted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from config.redaction import scrub
from config.settings import Settings
from console.cli.common import company_zone, fault, known, nobody, operator, screen
from console.cli.guard import run
from jobs.suppressions import address_of
from jobs.withdrawal import complain, drop_addresses, opt_out, refuse_address
from scheduler.bootstrap import open_house
from store import changes, popups, suppression_list, ticks
from store.suppressions import Source, Word
from store.timeline import masked


class Kind(StrEnum):
    ADDRESS = "address"
    OPT_OUT = "opt_out"
    COMPLAINT = "complaint"


Channel = Annotated[str | None, typer.Option("--channel", help="Of this channel.", show_default=False)]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it, for the audit log; default: the login name.")]
Evidence = Annotated[str, typer.Option("--evidence", metavar="TEXT", help="How it is known: a ticket, a letter.", show_default=False)]


def listed(
    kind: Annotated[Kind | None, typer.Option("--kind", help="Only these.", show_default=False)] = None,
    channel: Channel = None,
    lifted: Annotated[bool, typer.Option("--lifted", help="Those that hold no more, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=0, help="How many of the newest.")] = 20,
) -> None:
    """How many there are of each kind, and the newest ones, addresses masked."""
    found = run(_listed(Settings.read(), kind, channel, lifted=lifted, limit=limit))
    table = Table("kind", "of", "live", "lifted")
    for each in found.counts:
        table.add_row(each.kind, each.of, f"{each.live:,}", f"{each.lifted:,}")
    screen().print(table, markup=False)
    if found.rows:
        newest = Table("id", "kind", "of", "whom", "at", "source", "evidence", "lifted")
        for row in found.rows:
            newest.add_row(*_shown(row, found.zone))
        screen().print(newest, markup=False)


@dataclass(frozen=True, slots=True)
class _Found:
    counts: Sequence[suppression_list.Count]
    rows: Sequence[Any]
    zone: ZoneInfo


async def _listed(settings: Settings, kind: Kind | None, channel: str | None, *, lifted: bool, limit: int) -> _Found:
    async with open_house(settings) as house, house.database.begin() as connection:
        sort = house.channels[known("channel", channel, house.channels)].addresses if channel else None
        counts = await suppression_list.counts(connection)
        rows = await suppression_list.newest(connection, kind=kind, channel=channel, sort=sort, lifted=lifted, limit=limit)
        return _Found(counts, rows, await company_zone(house))


def _shown(row: Any, zone: ZoneInfo) -> tuple[str, ...]:
    at, lifted = (f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment else "" for moment in (row.at, row.lifted_at))
    whom = row.customer_no or masked(row.sort, row.value)
    lift = f"{lifted} by {row.lifted_by}: {row.lift_evidence}" if lifted else ""
    return str(row.id), row.kind, row.channel or row.sort, whom, at, row.source, row.evidence, lift


def add(
    kind: Annotated[Kind, typer.Option("--kind", help="What is said.", show_default=False)],
    channel: Annotated[str, typer.Option("--channel", help="Whose offers, or whose sort of address.", show_default=False)],
    evidence: Evidence,
    customer: Annotated[str | None, typer.Option("--customer", metavar="NO", help="Of this customer.", show_default=False)] = None,
    address: Annotated[str | None, typer.Option("--address", metavar="A", help="Of whoever has this address.", show_default=False)] = None,
    by: By = None,
) -> None:
    """Put a customer or an address on the list: it holds from the next message on, and no customer file takes it off."""
    if (customer is None) == (address is None):
        raise typer.BadParameter("say whom: --customer NO or --address A, one of them")
    if kind is Kind.ADDRESS and address is None:
        raise typer.BadParameter("a dead address needs --address A")
    new = run(_add(Settings.read(), kind, channel, customer, address, _evidence(evidence), by or operator()))
    typer.echo(f"{kind} on {channel} recorded" if new else f"{kind} on {channel} was on the list already; nothing changes")


async def _add(settings: Settings, kind: Kind, channel: str, customer: str | None, address: str | None, evidence: str, by: str) -> bool:
    async with open_house(settings) as house, house.database.begin() as connection:
        carrier, now = house.channels[known("channel", channel, house.channels)], house.clock.now()
        before = sum(each.live for each in await suppression_list.counts(connection))
        if address is not None:
            try:
                sort, value = address_of(carrier, address)
            except ValueError as error:
                raise fault("--address", str(error).removeprefix("address: ")) from None
            if kind is Kind.ADDRESS:
                await drop_addresses(connection, [(sort, value, "operator", evidence)], now, Source.OPERATOR)
            else:
                word: Word = "opt_out" if kind is Kind.OPT_OUT else "complaint"
                await refuse_address(house, connection, word, [(sort, value, channel, evidence)], now, Source.OPERATOR)
        else:
            person = await popups.recipient(connection, customer or "")
            if person is None:
                raise fault("--customer", await nobody(connection, customer or ""))
            speak = opt_out if kind is Kind.OPT_OUT else complain
            await speak(house, connection, [(person, channel, evidence)], now, Source.OPERATOR)
        new = sum(each.live for each in await suppression_list.counts(connection)) > before
        detail = {"kind": kind, "channel": channel, "customer_no": customer, "evidence": evidence, "new": new}
        await ticks.record(connection, actor=by, action="suppressions.add", detail=detail, now=now)
        return new


def lift(
    suppression_id: Annotated[int, typer.Argument(metavar="ID", help="As `kabar suppressions list` shows it.", show_default=False)],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who answers for it.", show_default=False)],
    evidence: Evidence,
) -> None:
    """Take one off the list, which is kept with who did it and why. Only with evidence: the law wants consent documented."""
    if not by.strip():
        raise typer.BadParameter("a name is needed", param_hint="--by")
    what = run(_lift(Settings.read(), suppression_id, by.strip(), _evidence(evidence)))
    typer.echo(f"{what} lifted" if what else f"suppression {suppression_id} was lifted before; nothing changes")


async def _lift(settings: Settings, suppression_id: int, by: str, evidence: str) -> str | None:
    async with open_house(settings) as house, house.database.begin() as connection:
        now = house.clock.now()
        row = await suppression_list.lift(connection, suppression_id, by=by, evidence=evidence, now=now)
        if row is not None and row.channel == changes.CHANNEL:
            await changes.tell_everybody(connection)
        if row is None and not await suppression_list.known(connection, suppression_id):
            raise fault("suppression", f"there is no suppression {suppression_id}; kabar suppressions list shows their ids")
        detail = {"suppression_id": suppression_id, "evidence": evidence, "lifted": row is not None}
        await ticks.record(connection, actor=by, action="suppressions.lift", detail=detail, now=now)
        return f"{row.kind} on {row.channel or row.sort}" if row else None


def _evidence(text: str) -> str:
    """Shown to everybody who looks, so without addresses."""
    words = scrub(" ".join(text.split()))
    if not words:
        raise typer.BadParameter("say how it is known, such as 'ticket CRM-1182'", param_hint="--evidence")
    return words
