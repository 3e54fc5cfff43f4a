"""`kabar calendar`: the coming days, which campaigns open when, how full each channel gets, and who is in whose way."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

import typer
from rich.console import Console

from channels.registry import CHANNELS
from config.loader import Config
from config.settings import Settings
from console.cli.calendar_data import plain
from console.cli.calendar_page import page
from console.cli.glance import NothingToSee, glance
from console.cli.guard import run
from console.cli.terminal import terminal
from console.cli.times import wall_clock
from jobs.catalog import Published
from jobs.credentials import rates
from scheduler.bootstrap import read_config
from scheduler.outlook import volume
from scheduler.outlook.days import Day, coming_days, scene_of
from scheduler.outlook.scene import Scene
from store import versions
from store.volume import Volume, customers

TWO_WEEKS, MONTH = 14, 31
_PLAIN_WIDTH = 100
_YEARS = range(1970, 2101)  # of which holidays are known, as far as anybody can


@dataclass(frozen=True)
class Outlook:
    """What is shown. held: campaign → why nothing of it goes as it stands. uncounted: why there are no numbers, None when there are."""

    config: Config
    days: list[Day]
    held: dict[str, str]
    uncounted: str | None


@dataclass(frozen=True)
class Seen:
    """What a look into the database brought."""

    counted: dict[str, list[Volume]]
    approved: frozenset[tuple[str, str]]
    pauses: tuple[versions.Pause, ...]


def calendar(
    month: Annotated[bool, typer.Option("--month", help="A month instead of two weeks.")] = False,
    since: Annotated[str | None, typer.Option("--from", metavar="DATE", help="The first day, e.g. 2026-11-20; today if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with stable keys.")] = False,
) -> None:
    """The coming two weeks: campaigns and their openings, holidays, expected messages against each channel's rate, clashes.

    Of the configuration in KABAR_CONFIG_DIR, with the customers of the database if there is one. Writes nothing.
    """
    settings = Settings.read()
    config = read_config(settings.config_dir)
    now = wall_clock()
    outlook = run(look(settings, config, _first(since, config, now), MONTH if month else TWO_WEEKS, now))
    if as_json:
        typer.echo(json.dumps(plain(outlook.config, outlook.days, outlook.held, outlook.uncounted), ensure_ascii=False, indent=2))
        return
    console = terminal()
    if not console.is_terminal:
        console = terminal(width=_PLAIN_WIDTH)
    _show(console, page(outlook.config, outlook.days, outlook.held, fancy=_fancy(console)))
    if outlook.uncounted:
        typer.echo(f"nothing was counted: {outlook.uncounted}", err=True)


def _show(console: Console, parts: Iterable[object]) -> None:
    if console.is_terminal:
        for part in parts:
            console.print(part, highlight=False)
        return
    with console.capture() as captured:  # tables fill their lines with blanks, which nobody wants in a file
        for part in parts:
            console.print(part, highlight=False)
    typer.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _fancy(console: Console) -> bool:
    return console.is_terminal and console.encoding.lower().startswith("utf")


def _first(text: str | None, config: Config, now: datetime) -> date:
    if text is None:
        return now.astimezone(config.rules.zone).date()
    try:
        first = date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f'"{text}" is not a date; write 2026-11-20', param_hint="--from") from None
    if first.year not in _YEARS:
        raise typer.BadParameter(f'"{text}" is too far away; write a date from {_YEARS[0]} to {_YEARS[-1]}', param_hint="--from")
    return first


async def look(settings: Settings, config: Config, first: date, days: int, now: datetime) -> Outlook:
    """The days from `first`. Raises ConfigError for a database that is named and not usable."""
    scene = scene_of(Scene(Published(0, config, CHANNELS), now), first, days)
    uncounted, seen = None, Seen({}, frozenset(), ())
    try:
        seen = await _seen(settings, scene)
        if not seen.counted:
            uncounted = "the database has no customers; `kabar import customers FILE` brings them in"
    except NothingToSee as reason:
        uncounted = str(reason)
    flows = list(volume.flows(scene, seen.counted))
    loads = volume.loads(scene, flows, rates(CHANNELS, scene.published.config.accounts))
    return Outlook(config, coming_days(scene, first, days, flows, loads), held(config, seen), uncounted)


async def _seen(settings: Settings, scene: Scene) -> Seen:
    async with glance(settings, start=True) as connection:
        counted = await volume.count(connection, scene) if await customers(connection) else {}
        return Seen(counted, frozenset(await versions.approvals(connection)), tuple(await versions.pauses(connection)))


def held(config: Config, seen: Seen) -> dict[str, str]:
    """Campaigns of which nothing goes as things stand, and why."""
    found = {}
    for name, campaign in config.campaigns.items():
        stopped = [channel for channel in campaign.channels.names if any(stop.holds(name, channel) for stop in seen.pauses)]
        needs = config.rules.categories[campaign.category].needs_approval
        if needs and (name, config.content_hash(name)) not in seen.approved:
            found[name] = "not approved"
        elif stopped:
            found[name] = f"stopped on {', '.join(stopped)}"
    return found
