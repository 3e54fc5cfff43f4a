"""import and export suppressions: the whole list from and to other systems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.table import Table

from channels.base import Channel
from config.settings import Settings
from console.cli.common import company_zone, known, operator
from console.cli.export import Format
from console.cli.guard import run
from console.cli.people import bar
from console.cli.sheets import Write, csv_rows, json_lines, target
from console.cli.suppressions import By, Kind
from console.cli.terminal import terminal
from console.cli.times import SINCE, parse_since, wall_clock
from console.cli.unmask import Reason, permitted, recorded
from jobs.suppressions import Defaults, Report, import_suppressions
from scheduler.bootstrap import open_house
from store.suppression_list import COLUMNS, stream
from store.timeline import masked


def bring_in(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX; its first row names the columns.", show_default=False)],
    kind: Annotated[Kind | None, typer.Option("--kind", help="Of every row that does not say its own.", show_default=False)] = None,
    channel: Annotated[str | None, typer.Option("--channel", help="Of every row that does not say its own.", show_default=False)] = None,
    by: By = None,
) -> None:
    """Add a mail provider's or an old suite's list: an address or a customer_no a row. The same file twice changes nothing.

    Addresses that no customer has are kept, and hold for whoever gets them. Bad rows go to FILE.rejects.csv with a reason.
    """
    report = run(_import(Settings.read(), file, Defaults(kind, channel), by or operator()))
    table = Table("rows", "added", "known", "rejected", "offers stopped")
    table.add_row(*(f"{number:,}" for number in (report.rows, report.added, report.known, report.rejected, report.stopped)))
    terminal(emoji=False).print(table)
    if report.rejects_file is not None:
        typer.echo(f"{report.rejected} rows stayed out; {report.rejects_file} says why: correct them there and import that file")


async def _import(settings: Settings, file: Path, defaults: Defaults, by: str) -> Report:
    async with open_house(settings, migrate=True) as house:
        if defaults.channel is not None:
            known("channel", defaults.channel, house.channels)
        zone = await company_zone(house)
        with bar() as shown:
            task = shown.add_task(file.name, total=None)
            return await import_suppressions(
                house,
                file,
                defaults=defaults,
                zone=zone,
                by=by,
                now=house.clock.now(),
                progress=lambda done, total: shown.update(task, completed=done, total=total),
            )


def export(
    since: Annotated[str | None, typer.Option("--since", metavar="T", help=f"Only what was recorded since. {SINCE}")] = None,
    lifted: Annotated[bool, typer.Option("--lifted", help="Those that hold no more, too.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Addresses in clear, as an import needs them; for KABAR_MAY_UNMASK.")] = False,
    reason: Reason = "",
    written: Annotated[Format, typer.Option("--format", help="One row or one JSON object a suppression.")] = Format.CSV,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write here instead of to standard output.")] = None,
) -> None:
    """The suppression list, the oldest first. Times are ISO 8601 in UTC; CSV cells never pass as formulas."""
    settings = Settings.read()
    unmasked = (permitted(settings, reason), reason) if full else None
    with target(out) as file:
        run(_export(settings, since, csv_rows if written is Format.CSV else json_lines, file, lifted=lifted, unmasked=unmasked))


async def _export(
    settings: Settings,
    since: str | None,
    writer: Callable[[TextIO, Sequence[str]], Write],
    file: TextIO,
    *,
    lifted: bool,
    unmasked: tuple[str, str] | None,
) -> None:
    """unmasked: who may see addresses, and why; None = they are masked."""
    async with open_house(settings) as house:
        start = None if since is None else parse_since(since, await company_zone(house), wall_clock())
        who, reason = unmasked or (operator(), "")
        detail = {"since": start.isoformat() if start else None, "full": unmasked is not None}
        await recorded(house, who, "export.suppressions", reason, detail)
        write = writer(file, COLUMNS)
        async with house.database.begin() as connection:
            async for rows in stream(connection, start, lifted=lifted):
                write([_cells(row, house.channels, full=unmasked is not None) for row in rows])


def _cells(row: Any, channels: Mapping[str, Channel], *, full: bool) -> Sequence[Any]:
    kind, channel, customer_no, sort, value, *rest = row
    if channel is None:  # a dead address: any channel that would write to it
        channel = next((name for name, each in channels.items() if each.addresses == sort), sort)
    return kind, channel, customer_no, value if full or value is None else masked(sort, value), *rest
