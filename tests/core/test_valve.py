"""The valve's tick: short, whatever goes on around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.plan import plan
from jobs.reservoir import HORIZON
from jobs.valve import valve
from scheduler.firing import fire
from store import limits
from store.messages import Chunk
from tests.core.conftest import Stage
from tests.world import at, campaign, configure, files, person


async def test_a_tick_ends_though_workers_drain_the_stock_as_fast_as_it_fills(stage: Stage) -> None:
    for number in range(1, 13):
        await person(stage.house.database, number)
    await configure(stage.house, files(campaign(category="service")))
    async with stage.house.database.begin() as connection:
        await connection.execute(text("UPDATE limits SET rate = 1"))
        [push] = [each for each in await limits.every(connection) if each.channel == "push"]
    assert push.rate == 1

    async def sent_at_once(connection: AsyncConnection, chunks: Sequence[Chunk]) -> None:
        await connection.execute(text("UPDATE messages SET status = 'sent', sent_at = released_at WHERE status = 'released'"))

    house = replace(stage.house, nudge=sent_at_once)
    await fire(house, house.clock.now())
    stage.clock.advance_to(at("2026-11-20 18:45"))
    await fire(house, house.clock.now())
    await plan(house, house.clock.now())
    ticks = [(await valve(house, house.clock.now())).released for _ in range(4)]
    assert ticks == [HORIZON + 1, HORIZON + 1, 0, 0]  # what is important also has what is kept for it
