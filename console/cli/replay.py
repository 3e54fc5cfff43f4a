"""replay: dead letters back to queued, where the valve judges them like any other message."""

from __future__ import annotations

from typing import Annotated

import structlog
import typer

from config.settings import Settings
from console.cli.common import known, operator
from console.cli.guard import run
from scheduler.bootstrap import open_house
from store import ticks
from store.replay import Replayed, campaigns, replay_failed

log = structlog.get_logger()


def replay(
    failed: Annotated[bool, typer.Option("--failed", help="The dead letters: messages that failed for good.")] = False,
    campaign: Annotated[str | None, typer.Option("--campaign", help="Only of this campaign.", show_default=False)] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it, for the audit log.")] = None,
) -> None:
    """Give dead letters another life, once each: one that fails again after its replay stays failed.

    Left alone are those that have expired, and those whose customer has no live address for the channel or opted out of it.
    """
    if not failed:
        raise typer.BadParameter("say what to replay: --failed")
    done = run(_replay(Settings.read(), campaign, by or operator()))
    typer.echo(f"{done.replayed} back to queued")
    left = {
        "were replayed once already": done.before,
        "have expired": done.late,
        "have no live address, or the customer opted out": done.hopeless,
        "were followed by another channel": done.followed,
    }
    for why, count in left.items():
        if count:
            typer.echo(f"{count} left: {why}")


async def _replay(settings: Settings, campaign: str | None, by: str) -> Replayed:
    async with open_house(settings) as house, house.database.begin() as connection:
        if campaign is not None:
            known("campaign", campaign, await campaigns(connection))
        sorts = {name: channel.addresses for name, channel in house.channels.items()}
        now = house.clock.now()
        done = await replay_failed(connection, campaign=campaign, sorts=sorts, by=by, now=now)
        detail = {"campaign": campaign, "replayed": done.replayed}
        await ticks.record(connection, actor=by, action="replay", detail=detail, now=now)
        log.info("replay.done", campaign=campaign, replayed=done.replayed)
        return done
