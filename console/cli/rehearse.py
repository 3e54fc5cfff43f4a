"""`kabar rehearse`: what would go to whom and when, sending nothing; and what another configuration would change of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from config.loader import Config
from config.problems import ConfigError
from config.settings import Settings
from config.values import parse_duration
from console.cli import changed, rehearsed
from console.cli.common import fault, screen
from console.cli.guard import run
from console.cli.sheets import Write, csv_rows, json_lines, target
from console.cli.terminal import terminal
from console.cli.times import parse_since, wall_clock
from jobs.house import House
from scheduler.bootstrap import open_house, read_config
from scheduler.comparison import rehearse_both
from scheduler.rehearsal import rehearse as play
from scheduler.tally import Tally
from store import rehearsed as stored

LONGEST = timedelta(days=400)
FIELDS = ("at", "customer_no", "campaign", "occurrence", "channel", "decision", "reason", "until")


def rehearse(
    until: Annotated[str, typer.Option("--to", metavar="T", help="End at this time, or so long after --from: 36h, 3d.")],
    since: Annotated[str, typer.Option("--from", metavar="T", help="Begin at this time, e.g. 2026-11-20T18:30 (company time).")] = "now",
    config: Annotated[Path | None, typer.Option("--config", metavar="DIR", help="Instead of KABAR_CONFIG_DIR.")] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="DIR", help="Show what changes for whom from this configuration to that of --config."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Every decision as .csv or .jsonl; with --against those that change.")
    ] = None,
) -> None:
    """Play the configuration forward on a virtual clock with the real customers: who would get what, when, and why not. Sends nothing."""
    if out is not None and out.suffix not in (".csv", ".jsonl"):
        raise typer.BadParameter(f'"{out}" is neither .csv nor .jsonl', param_hint="--out")
    wanted = _Wanted(since, until, config, against)
    if out is None:
        run(_rehearse(Settings.read(), wanted, None))
        return
    with target(out) as file:  # before anything is played: a file that cannot be written is known at once
        writer = csv_rows if out.suffix == ".csv" else json_lines
        run(_rehearse(Settings.read(), wanted, writer(file, changed.FIELDS if against else FIELDS)))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the command line asks for, as typed."""

    since: str
    until: str
    config: Path | None
    against: Path | None


async def _rehearse(settings: Settings, wanted: _Wanted, write: Write | None) -> None:
    async with open_house(settings) as house:
        config, old = _configurations(house, wanted)
        since, until = _period(wanted, config)
        if old is None:
            await _one(house, config, since, until, write)
        else:
            name = wanted.config or house.settings.config_dir
            await _two(house, changed.Proposal(old, config, str(wanted.against), str(name)), since, until, write)


def _configurations(house: House, wanted: _Wanted) -> tuple[Config, Config | None]:
    """The one to play, and the one it is compared with. Raises ConfigError with the mistakes of both."""
    found: dict[str, Config] = {}
    faults: list[ConfigError] = []
    for option, directory in (("--config", wanted.config or house.settings.config_dir), ("--against", wanted.against)):
        try:
            if directory is not None:
                if (option == "--against" or wanted.config) and not directory.is_dir():
                    raise fault(option, f"there is no directory {directory}")
                found[option] = read_config(directory, house.channels)
        except ConfigError as error:
            faults.append(error)
    if faults:
        raise ConfigError([problem for error in faults for problem in error.problems])
    return found["--config"], found.get("--against")


def _period(wanted: _Wanted, config: Config) -> tuple[datetime, datetime]:
    zone, now = config.rules.zone, wall_clock()
    since = now if wanted.since == "now" else parse_since(wanted.since, zone, now, "--from")
    try:
        until = since + parse_duration(wanted.until)
    except (ValueError, OverflowError):
        until = parse_since(wanted.until, zone, now, "--to")
    if not since < until <= since + LONGEST:
        raise fault("--to", f"{wanted.until} has to come after --from, by {LONGEST.days} days at the most")
    return since, until


async def _one(house: House, config: Config, since: datetime, until: datetime, write: Write | None) -> None:
    console = screen()
    with _progress() as progress:
        async with play(house, config, since, until, _bar(progress, "rehearsing", config, since, until)) as stage:
            async with stage.database.begin() as connection:
                found = await stored.counts(connection, config.rules.timezone, since)
            written = await _write(stage, since, write) if write else None
    console.print(f"[bold]What would happen[/bold], {_span(config, since, until)}; nothing was sent", highlight=False)
    rehearsed.show(console, found, config)
    if written is not None:
        console.print(f"{written:,} decisions written", highlight=False)


async def _two(house: House, proposal: changed.Proposal, since: datetime, until: datetime, write: Write | None) -> None:
    console, tally = screen(), Tally()
    with _progress() as progress:
        bars = (
            _bar(progress, proposal.old, proposal.after, since, until),
            _bar(progress, proposal.new, proposal.after, since, until),
        )
        async with rehearse_both(house, proposal.before, proposal.after, since, until, bars) as comparison:
            async for changes in comparison.changes(tally):
                if write:
                    write([proposal.line(change) for change in changes])
    names = escape(f"from {proposal.old} to {proposal.new}")
    console.print(f"[bold]What changes {names}[/bold], {_span(proposal.after, since, until)}", highlight=False)
    changed.show(console, tally, proposal)
    if write:
        console.print(f"{tally.changed:,} changed decisions written", highlight=False)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=terminal(stderr=True),
        transient=True,
    )


def _bar(progress: Progress, name: str, config: Config, since: datetime, until: datetime) -> Callable[[datetime], None]:
    """A line of progress that says what time it is in the rehearsal."""
    name = escape(name)
    task = progress.add_task(name, total=(until - since).total_seconds(), start=False)

    def show(now: datetime) -> None:
        progress.start_task(task)
        at = f"{now.astimezone(config.rules.zone):%a %d %b %H:%M}"
        progress.update(task, completed=(now - since).total_seconds(), description=f"{name}: {at}")

    return show


def _span(config: Config, since: datetime, until: datetime) -> str:
    zone = config.rules.zone
    first, last = since.astimezone(zone), until.astimezone(zone)
    year = f" {first:%Y}" if first.year != last.year else ""
    return f"{first:%a %d %b}{year} {first:%H:%M} – {last:%a %d %b %Y %H:%M} ({zone.key})"


async def _write(stage: House, since: datetime, write: Write) -> int:
    count = 0
    async with stage.database.begin() as connection:
        async for rows in stored.decisions(connection, since):
            write(rows)
            count += len(rows)
    return count
