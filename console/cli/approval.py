"""approve: a second pair of eyes on exactly what stands in the configuration now; any edit of it voids the approval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from channels.base import Content
from config.loader import Config
from config.models import Audience, Campaign, Channels, Then
from config.problems import ConfigError
from config.settings import Settings
from config.values import format_duration
from config.when import When
from console.cli.common import fault, known
from console.cli.guard import run
from console.cli.weights import too_long
from scheduler.bootstrap import open_house, read_config
from store import ticks, versions


def approve(
    campaign: Annotated[str, typer.Argument(help="Name of the campaign.", show_default=False)],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who approves; not the campaign's owner.", show_default=False)],
) -> None:
    """Approve the audience, schedule and content of a campaign as they stand in KABAR_CONFIG_DIR; shows what was approved."""
    settings = Settings.read()
    config = read_config(settings.config_dir)
    found = config.campaigns[known("campaign", campaign, config.campaigns)]
    if not by.strip():
        raise typer.BadParameter("a name is needed", param_hint="--by")
    if by.strip().casefold() == found.owner.casefold():
        raise fault("--by", f"{by} owns {campaign}, and nobody approves their own; ask somebody else")
    new = run(_approve(settings, config, campaign, by.strip()))
    for line in described(config, found):
        typer.echo(line)
    if not config.rules.categories[found.category].needs_approval:
        typer.echo(f"note: {found.category} messages go out without approval, too")
    typer.echo(f"approved by {by}" if new else "this content was approved before; nothing changes")


async def _approve(settings: Settings, config: Config, campaign: str, by: str) -> bool:
    content = config.content_hash(campaign)
    async with open_house(settings) as house, house.database.begin() as connection:
        now = house.clock.now()
        if wrong := await too_long(house, connection, config, config.campaigns[campaign]):
            raise ConfigError(wrong)
        new = await versions.approve(connection, campaign=campaign, content_hash=content, by=by, now=now)
        detail = {"campaign": campaign, "content_hash": content, "new": new}
        await ticks.record(connection, actor=by, action="approve", detail=detail, now=now)
        return new


def described(config: Config, campaign: Campaign) -> Iterator[str]:
    """What an approval is bound to, a line each."""
    yield f"campaign  {campaign.campaign} ({campaign.category}, owner {campaign.owner})"
    yield f"audience  {audience(campaign.audience)}"
    for name in campaign.audience.names:
        yield f"          {name}: {config.segments[name]}"
    yield f"when      {when(campaign.when)}, expires after {format_duration(campaign.expires)}"
    yield f"channels  {ways(campaign.channels)}"
    for variant in config.templates[campaign.template].variants:
        for channel, content in variant.channels.items():
            if channel in campaign.channels.names and isinstance(content, Content):
                whom = " ".join(filter(None, (variant.segment or "everybody", variant.locale)))
                yield f"says      to {whom} on {channel}: {content.summary().splitlines()[0]}"


def audience(asked: Audience) -> str:
    """Segments combined, in words."""
    parts = [("any of", asked.any), ("all of", asked.all), ("none of", asked.none)]
    return "; ".join(f"{words} {', '.join(names)}" for words, names in parts if names) or "everyone"


def ways(channels: Channels) -> str:
    """By which channels, in words."""
    then = channels.then
    chosen = f"{'the first of ' if channels.choice else ''}{', '.join(channels.names)}"
    return f"{chosen}; {follow_up(then)}" if then else chosen


def follow_up(then: Then) -> str:
    """`email follows after 2h, unless it was read`."""
    return f"{then.channel} follows after {format_duration(then.after)}, unless it was {then.unless}"


def when(trigger: When) -> str:
    """What makes a run, in words."""
    if trigger.at is not None:
        return "at " + ", ".join(f"{moment:%Y-%m-%d %H:%M}" for moment in trigger.at)
    if trigger.every is not None:
        return f"every {format_duration(trigger.every)}"
    if trigger.anniversary is not None:
        return f"on each {trigger.anniversary} at {trigger.time:%H:%M}"
    if trigger.before or trigger.after:
        return f"{format_duration(trigger.by)} {trigger.kind} {trigger.before or trigger.after}"
    return f"cron {trigger.cron}{f' on {trigger.on}' if trigger.on else ''}" if trigger.cron else f"at the customer event {trigger.event}"
