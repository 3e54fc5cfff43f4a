"""Stopping one account of a channel, and letting it go on: the channel's other accounts take over meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from config.settings import Settings
from console.cli.common import known
from scheduler.bootstrap import open_house
from store import limits, ticks
from store.limits import Limit


async def pause_account(settings: Settings, name: str, by: str, reason: str) -> bool:
    """False when it was stopped already."""
    async with open_house(settings) as house, house.database.begin() as connection:
        channel = (await _account(connection, name)).channel
        now = house.clock.now()
        new = await limits.stop(connection, name, channel, reason, now, last=True)
        await ticks.record(connection, actor=by, action="pause", detail={"account": name, "reason": reason, "new": new}, now=now)
        return new


async def resume_accounts(settings: Settings, name: str | None, by: str) -> Sequence[str]:
    """Lift the stop of one account, or of all; returns whose were lifted."""
    async with open_house(settings) as house, house.database.begin() as connection:
        if name is not None:
            await _account(connection, name)
        lifted = await limits.resume(connection, name)
        if lifted or name is not None:
            detail = {"account": name, "lifted": lifted}
            await ticks.record(connection, actor=by, action="resume", detail=detail, now=house.clock.now())
        return lifted


async def _account(connection: AsyncConnection, name: str) -> Limit:
    """An account that some worker has had. Raises ConfigError for any other name."""
    accounts = {each.account: each for each in await limits.every(connection)}
    return accounts[known("account", name, accounts)]
