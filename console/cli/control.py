"""pause and resume: live stops of a campaign, a channel, or everything. They hold from the next message on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from config.problems import ConfigError
from config.settings import Settings
from console.cli.common import in_force, known, operator
from console.cli.guard import run
from jobs.house import House
from scheduler.bootstrap import open_house
from store import platforms as stopped
from store import runs, ticks, versions
from store.platforms import StoppedPlatform
from store.versions import Pause

Campaign = Annotated[str | None, typer.Option("--campaign", help="This campaign.", show_default=False)]
Channel = Annotated[str | None, typer.Option("--channel", help="This channel; with --campaign, the campaign on this channel.")]
All = Annotated[bool, typer.Option("--all", help="Everything.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it, for the audit log; default: the login name.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; `kabar status` shows it.")]


Lifted = tuple[list[Pause], list[Pause], list[StoppedPlatform]]


def pause(campaign: Campaign = None, channel: Channel = None, everything: All = False, by: By = None, reason: Reason = "paused") -> None:
    """Stop at once: nothing more is released or sent until `kabar resume`. What is stopped waits, and expires in its time."""
    _asked(campaign, channel, everything)
    new = run(_pause(Settings.read(), campaign, channel, by or operator(), reason))
    typer.echo(f"{what(campaign, channel)} {'is stopped' if new else 'was stopped already'}")


def resume(campaign: Campaign = None, channel: Channel = None, everything: All = False, by: By = None) -> None:
    """Lift stops, also those Kabar set itself on a provider's word.

    --campaign lifts the campaign's stops on all channels, --channel the channel's own, both together that one pair, --all every stop.
    """
    _asked(campaign, channel, everything)
    lifted, left, platforms = run(_resume(Settings.read(), campaign, channel, by or operator()))
    for each in platforms:
        typer.echo(f"{each.channel} to {each.platform} devices goes on")
    for stop in lifted:
        typer.echo(f"{what(stop.campaign, stop.channel)} goes on")
    if not lifted and not platforms:
        typer.echo(f"{what(campaign, channel)} was not stopped")
    for stop in left:
        typer.echo(f"still stopped: {what(stop.campaign, stop.channel)} by {stop.set_by}: {stop.reason}")


def what(campaign: str | None, channel: str | None) -> str:
    """What a stop holds, in words."""
    named = [f"campaign {campaign}" if campaign else "", f"channel {channel}" if channel else ""]
    return " on ".join(filter(None, named)) or "everything"


def _asked(campaign: str | None, channel: str | None, everything: bool) -> None:
    if everything and (campaign or channel):
        raise typer.BadParameter("--all is everything; leave out --campaign and --channel, or --all")
    if not (everything or campaign or channel):
        raise typer.BadParameter("say what: --campaign NAME, --channel NAME or --all")


async def _pause(settings: Settings, campaign: str | None, channel: str | None, by: str, reason: str) -> bool:
    async with open_house(settings) as house, house.database.begin() as connection:
        await _names(house, connection, campaign, channel, ())
        now = house.clock.now()
        new = await versions.pause(connection, campaign=campaign, channel=channel, reason=reason, by=by, now=now)
        detail = {"campaign": campaign, "channel": channel, "reason": reason, "new": new}
        await ticks.record(connection, actor=by, action="pause", detail=detail, now=now)
        return new


async def _resume(settings: Settings, campaign: str | None, channel: str | None, by: str) -> Lifted:
    async with open_house(settings) as house, house.database.begin() as connection:
        stops = await versions.pauses(connection)
        await _names(house, connection, campaign, channel, stops)
        lifted = [stop for stop in stops if _lifts(campaign, channel, stop)]
        for stop in lifted:
            await versions.resume(connection, campaign=stop.campaign, channel=stop.channel, everything=False)
        platforms = await stopped.lift(connection, channel) if campaign is None else []
        names = [what(stop.campaign, stop.channel) for stop in lifted] + [f"{each.channel} to {each.platform}" for each in platforms]
        detail = {"campaign": campaign, "channel": channel, "lifted": names}
        await ticks.record(connection, actor=by, action="resume", detail=detail, now=house.clock.now())
        return lifted, [stop for stop in stops if stop not in lifted], platforms


def _lifts(campaign: str | None, channel: str | None, stop: Pause) -> bool:
    if campaign is None and channel is None:
        return True
    # A campaign that its content stopped on a channel does not go on because the channel does.
    return stop.campaign == campaign and (channel is None or stop.channel == channel)


async def _names(house: House, connection: AsyncConnection, campaign: str | None, channel: str | None, stops: Sequence[Pause]) -> None:
    if channel is not None:
        known("channel", channel, house.channels)
    if campaign is not None:
        # One that is gone from the configuration may still have messages waiting, or a stop to lift.
        gone = {run.campaign for run in await runs.active(connection)} | {stop.campaign for stop in stops if stop.campaign}
        known("campaign", campaign, {*await _campaigns(house), *gone})


async def _campaigns(house: House) -> Sequence[str]:
    try:
        return list((await in_force(house)).campaigns)
    except ConfigError:  # the kill switch must work without a good configuration
        return []
