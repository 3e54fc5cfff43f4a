"""db doubt: after a restore, what may have gone since the dump is not sent again."""

from __future__ import annotations

from typing import Annotated

import typer

from config.settings import Settings
from console.cli.common import fault, known, operator
from console.cli.guard import run
from scheduler.bootstrap import open_house
from store import identity, restored, ticks
from store.identity import Why
from store.replay import campaigns


def doubt(
    campaign: Annotated[str | None, typer.Option("--campaign", help="What waits of this campaign.", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="What waits of every campaign.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many, and do nothing.")] = False,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it, for the audit log.")] = None,
) -> None:
    """After a restore and before `kabar resume --all`: messages of runs that were due by then, and still wait, become `unknown`.

    They may have gone after the dump was made, so they are not sent. Settle them later with `kabar resolve`.
    """
    if everything == (campaign is not None):
        raise typer.BadParameter("say what: --campaign NAME, or --all")
    n = run(_doubt(Settings.read(), campaign, dry_run, by or operator()))
    typer.echo(f"{n:,} messages {'would be' if dry_run else 'are'} in doubt, and will not be sent{'' if dry_run else ' again'}")


async def _doubt(settings: Settings, campaign: str | None, dry_run: bool, by: str) -> int:
    async with open_house(settings) as house, house.database.begin() as connection:
        halt = await identity.halted(connection)
        if halt is None or halt.why is Why.STALE:
            raise fault("kabar db doubt", "this database is not stopped because of a restore; there is nothing to doubt")
        if campaign is not None:
            known("campaign", campaign, await campaigns(connection))
        if not await restored.caught_up(connection, halt.at):
            raise fault(
                "kabar db doubt", "start `kabar scheduler` first and let it plan what was missed; it sends nothing while all is stopped"
            )
        if dry_run:
            return await restored.doubtful(connection, campaign, halt.at)
        now = house.clock.now()
        n = await restored.doubt(connection, campaign, since=halt.at, of=halt.of or halt.at, by=by, now=now)
        await ticks.record(connection, actor=by, action="doubt", detail={"campaign": campaign, "messages": n}, now=now)
        return n
