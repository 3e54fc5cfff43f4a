"""import customers: a customer file into the database, with a bar while it works."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from config.settings import Settings
from console.cli.common import company_zone, operator
from console.cli.guard import run
from console.cli.terminal import terminal
from jobs.customers import Report, import_customers
from scheduler.bootstrap import open_house


def customers(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX; its first row names the columns.", show_default=False)],
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it, for the audit log; default: the login name.")] = None,
) -> None:
    """Insert or update customers by customer_no. Bad rows go to FILE.rejects.csv with a reason, the rest goes in."""
    report = run(_import(Settings.read(), file, by or operator()))
    terminal().print(_table(report))
    if report.dead:
        typer.echo(f"{report.dead:,} addresses of the file are dead by a provider's or an operator's word; they stay so")
    if report.refused:
        typer.echo(f"{report.refused:,} consents of the file stand against the customer's own opt-out or complaint, which holds")
    if report.own_hours:
        typer.echo(
            f"{report.own_hours:,} customers chose other contact hours on the preference page than the file says; their choice holds"
        )
    if report.rejects_file is not None:
        typer.echo(f"{report.rejected} rows stayed out; {report.rejects_file} says why: correct them there and import that file")


async def _import(settings: Settings, file: Path, by: str) -> Report:
    async with open_house(settings, migrate=True) as house:
        now = house.clock.now()
        async with house.database.begin() as connection:
            published = await house.catalog.newest(connection)
        with bar() as shown:
            task = shown.add_task(file.name, total=None)
            return await import_customers(
                house.database,
                file,
                now=now,
                today=now.astimezone(await company_zone(house)).date(),
                progress=lambda done, total: shown.update(task, completed=done, total=total),
                offers=published.offers if published else (),
                by=by,
            )


def bar() -> Progress:
    """For files: how many rows of how many."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=terminal(stderr=True)
    )


def _table(report: Report) -> Table:
    table = Table("rows", "new", "updated", "unchanged", "duplicates", "rejected")
    numbers = (report.rows, report.inserted, report.updated, report.unchanged, report.duplicates, report.rejected)
    table.add_row(*(f"{number:,}" for number in numbers))
    return table
