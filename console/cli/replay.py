"""replay: dead letters back to queued, where the valve judges them like any other message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import structlog
import typer

from config.settings import Settings
from console.cli.common import fault, known, operator
from console.cli.guard import run
from scheduler.bootstrap import open_house
from store import set_aside as store_set_aside
from store import ticks
from store.replay import Chosen, Replayed, campaigns, replay_failed, states, would_replay

log = structlog.get_logger()

LARGEST_ID = 2**63 - 1  # of a message


def replay(
    failed: Annotated[bool, typer.Option("--failed", help="The dead letters: messages that failed for good.")] = False,
    set_aside: Annotated[
        bool, typer.Option("--set-aside", help="Runs, events and receipts that could not be worked on, as `kabar status` lists them.")
    ] = False,
    campaign: Annotated[str | None, typer.Option("--campaign", help="Only of this campaign.", show_default=False)] = None,
    channel: Annotated[str | None, typer.Option("--channel", help="Only on this channel.", show_default=False)] = None,
    cause: Annotated[str | None, typer.Option("--cause", metavar="CODE", help="Only of this cause, as `kabar failed` names it.")] = None,
    ids: Annotated[
        list[int] | None, typer.Option("--id", metavar="ID", min=1, max=LARGEST_ID, help="Only this message; as often as you like.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and do nothing.")] = False,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it, for the audit log.")] = None,
) -> None:
    """Give dead letters another life, once each: one that fails again after its replay stays failed.

    They wait like new messages: for their window, consent, caps, approval and stops as they are now. Left alone are those that
    have expired, and those whose customer has no live address for the channel or opted out of it.
    """
    if failed == set_aside:
        raise typer.BadParameter("say what to replay: --failed, or --set-aside")
    if set_aside:
        if campaign or channel or cause or ids:
            raise typer.BadParameter(
                "takes all there is; --campaign, --channel, --cause and --id are for --failed", param_hint="--set-aside"
            )
        _again(run(_retry(Settings.read(), by or operator(), dry_run)), dry_run)
        return
    chosen = Chosen(campaign, channel, cause, ids=sorted(set(ids)) if ids else None)
    done = run(_replay(Settings.read(), chosen, by or operator(), dry_run))
    typer.echo(f"{done.replayed} would go back to queued" if dry_run else f"{done.replayed} back to queued")
    left = {
        "were replayed once already": done.before,
        "have expired": done.late,
        "have no live address, or the customer opted out": done.hopeless,
        "were followed by another channel": done.followed,
    }
    for why, count in left.items():
        if count:
            typer.echo(f"{count} left: {why}")


def _again(retried: Mapping[str, int], dry_run: bool) -> None:
    counted = ", ".join(f"{count} {kind}s" for kind, count in retried.items())
    typer.echo(f"{counted} {'would be' if dry_run else 'are'} worked on again")


async def _retry(settings: Settings, by: str, dry_run: bool) -> dict[str, int]:
    async with open_house(settings) as house, house.database.begin() as connection:
        if dry_run:
            counted = await store_set_aside.counts(connection)
            return {kind: counted[f"{kind}s"] for kind in store_set_aside.KINDS}
        retried = {kind: await store_set_aside.retry(connection, kind) for kind in store_set_aside.KINDS}
        await ticks.record(connection, actor=by, action="replay.set_aside", detail=retried, now=house.clock.now())
        return retried


async def _replay(settings: Settings, chosen: Chosen, by: str, dry_run: bool) -> Replayed:
    async with open_house(settings) as house, house.database.begin() as connection:
        if chosen.campaign is not None:
            known("campaign", chosen.campaign, await campaigns(connection))
        if chosen.channel is not None:
            known("channel", chosen.channel, house.channels)
        for message, status in (await states(connection, chosen.ids or ())).items():
            if status != "failed":
                what = f"is {status}, and no dead letter" if status else "does not exist"
                raise fault("--id", f"message {message} {what}; `kabar failed --ids` lists those there are")
        sorts = {name: channel.addresses for name, channel in house.channels.items()}
        now = house.clock.now()
        if dry_run:
            return await would_replay(connection, chosen, sorts=sorts, now=now)
        done = await replay_failed(connection, chosen, sorts=sorts, by=by, now=now)
        asked = {"campaign": chosen.campaign, "channel": chosen.channel, "cause": chosen.cause, "ids": chosen.ids}
        detail = {"campaign": chosen.campaign, **{key: value for key, value in asked.items() if value}, "replayed": done.replayed}
        await ticks.record(connection, actor=by, action="replay", detail=detail, now=now)
        log.info("replay.done", campaign=chosen.campaign, replayed=done.replayed)
        return done
