"""pause and resume: live stops of a campaign, a channel, or everything. They hold from the next message on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from config.printable import printable
from config.problems import ConfigError
from config.redaction import scrub
from config.settings import Settings
from console.cli.accounts import pause_account, resume_accounts
from console.cli.common import in_force, known, operator
from console.cli.guard import run
from jobs.house import House
from scheduler.bootstrap import open_house
from store import platforms as stopped
from store import runs, ticks, versions
from store.identity import RESTORED
from store.platforms import StoppedPlatform
from store.versions import Pause

Campaign = Annotated[str | None, typer.Option("--campaign", help="This campaign.", show_default=False)]
Channel = Annotated[str | None, typer.Option("--channel", help="This channel; with --campaign, the campaign on this channel.")]
Account = Annotated[str | None, typer.Option("--account", help="This account of channels.yaml, or a channel's default one, by its name.")]
All = Annotated[bool, typer.Option("--all", help="Everything.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it, for the audit log; default: the login name.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; `kabar status` shows it.")]


Lifted = tuple[list[Pause], list[Pause], list[StoppedPlatform]]


def pause(
    campaign: Campaign = None,
    channel: Channel = None,
    account: Account = None,
    everything: All = False,
    by: By = None,
    reason: Reason = "paused",
) -> None:
    """Stop at once: nothing more is released or sent until `kabar resume`. What is stopped waits, and expires in its time."""
    _asked(campaign, channel, account, everything)
    reason = scrub(reason)  # everybody who looks sees it
    if account is None:
        new = run(_pause(Settings.read(), campaign, channel, by or operator(), reason))
    else:
        new = run(pause_account(Settings.read(), account, by or operator(), reason))
    typer.echo(f"{what(campaign, channel, account)} {'is stopped' if new else 'was stopped already'}")


def resume(campaign: Campaign = None, channel: Channel = None, account: Account = None, everything: All = False, by: By = None) -> None:
    """Lift stops, also those Kabar set itself on a provider's word.

    --campaign lifts the campaign's stops on all channels, --channel the channel's own, both together that one pair;
    --account lets one account go on, --all lifts every stop.
    """
    _asked(campaign, channel, account, everything)
    accounts = run(resume_accounts(Settings.read(), account, by or operator())) if account or everything else []
    lifted, left, platforms = run(_resume(Settings.read(), campaign, channel, by or operator())) if account is None else ([], [], [])
    for name in accounts:
        typer.echo(f"account {name} goes on")
    for each in platforms:
        typer.echo(f"{each.channel} to {each.platform} devices goes on")
    for stop in lifted:
        typer.echo(f"{what(stop.campaign, stop.channel)} goes on")
    if not lifted and not platforms and not accounts:
        typer.echo(f"{what(campaign, channel, account)} was not stopped")
    for stop in left:
        typer.echo(printable(f"still stopped: {what(stop.campaign, stop.channel)} by {stop.set_by}: {stop.reason}"))


def what(campaign: str | None, channel: str | None, account: str | None = None) -> str:
    """What a stop holds, in words."""
    if account is not None:
        return f"account {account}"
    named = [f"campaign {campaign}" if campaign else "", f"channel {channel}" if channel else ""]
    return " on ".join(filter(None, named)) or "everything"


def _asked(campaign: str | None, channel: str | None, account: str | None, everything: bool) -> None:
    if everything and (campaign or channel or account):
        raise typer.BadParameter("--all is everything; leave out the others, or --all")
    if account and (campaign or channel):
        raise typer.BadParameter("--account is stopped for all its campaigns; leave out --campaign and --channel")
    if not (everything or campaign or channel or account):
        raise typer.BadParameter("say what: --campaign NAME, --channel NAME, --account NAME or --all")


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
        if campaign is None and channel is None:
            await ticks.clear_fact(connection, RESTORED)
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
