"""`kabar rehearse`: what would go to whom and when, with the real configuration and audience, sending nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from sqlalchemy import Row

from config.settings import Settings
from console.cli.common import fault, screen
from console.cli.guard import run
from console.cli.sheets import Write, csv_rows, json_lines, target
from console.cli.times import parse_since, wall_clock
from jobs.house import House
from scheduler.bootstrap import open_house, read_config
from scheduler.rehearsal import rehearse as play
from store import rehearsed

LONGEST = timedelta(days=400)
FIELDS = ("at", "customer_no", "campaign", "occurrence", "channel", "decision", "reason", "until")


def rehearse(
    since: Annotated[str, typer.Option("--from", metavar="T", help="Begin at this time, e.g. 2026-11-20T18:30 (company time).")],
    until: Annotated[str, typer.Option("--to", metavar="T", help="End at this time.")],
    config: Annotated[Path | None, typer.Option("--config", metavar="DIR", help="Instead of KABAR_CONFIG_DIR.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Every decision, as .csv or .jsonl.")] = None,
) -> None:
    """Play the configuration forward on a virtual clock with the real customers: who would get what, when, and why not. Sends nothing."""
    if out is not None and out.suffix not in (".csv", ".jsonl"):
        raise typer.BadParameter(f'"{out}" is neither .csv nor .jsonl', param_hint="--out")
    if out is None:
        run(_rehearse(Settings.read(), since, until, config, None))
        return
    with target(out) as file:  # before anything is played: a file that cannot be written is known at once
        writer = csv_rows if out.suffix == ".csv" else json_lines
        run(_rehearse(Settings.read(), since, until, config, writer(file, FIELDS)))


async def _rehearse(settings: Settings, since: str, until: str, directory: Path | None, write: Write | None) -> None:
    console = screen()
    async with open_house(settings) as house:
        config = read_config(directory or settings.config_dir, house.channels)
        zone = config.rules.zone
        first, last = (parse_since(text, zone, wall_clock(), option) for text, option in ((since, "--from"), (until, "--to")))
        if not first < last <= first + LONGEST:
            raise fault("--to", f"{until} has to come after --from, by {LONGEST.days} days at the most")
        with Progress(TextColumn("{task.description}"), BarColumn(), console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("rehearsing", total=(last - first).total_seconds())

            def show(now: datetime) -> None:
                progress.update(task, completed=(now - first).total_seconds(), description=f"{now.astimezone(zone):%a %d %b %H:%M}")

            async with play(house, config, first, last, show) as stage:
                await _tell(stage, zone, first, write, console)


async def _tell(stage: House, zone: ZoneInfo, since: datetime, write: Write | None, console: Console) -> None:
    async with stage.database.begin() as connection:
        found = await rehearsed.counts(connection, zone.key, since)
    console.print(table(found, zone))
    if write is not None:
        console.print(f"{await _write(stage, since, write)} decisions written")


def table(found: Sequence[Row[Any]], zone: ZoneInfo) -> Table:
    """A line for each campaign, channel, hour and outcome."""
    result = Table(title=f"What would happen ({zone.key}); nothing was sent")
    for heading in ("hour", "campaign", "channel", "outcome", "reason"):
        result.add_column(heading, no_wrap=heading != "reason")
    result.add_column("people", justify="right")
    result.add_column("first – last", no_wrap=True)
    before = None
    for row in found:
        hour = f"{row.hour.astimezone(zone):%a %d %b %H:%M}"
        times = "" if row.first is None else f"{row.first.astimezone(zone):%H:%M:%S} – {row.last.astimezone(zone):%H:%M:%S}"
        result.add_row("" if hour == before else hour, row.campaign, row.channel, row.status, row.reason, str(row.n), times)
        before = hour
    return result


async def _write(stage: House, since: datetime, write: Write) -> int:
    count = 0
    async with stage.database.begin() as connection:
        async for rows in rehearsed.decisions(connection, since):
            write(rows)
            count += len(rows)
    return count
