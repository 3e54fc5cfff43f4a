"""Workers who meet at the same rows: one order for locks, and nothing lost when it was not enough."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace

from sqlalchemy import text

from channels.base import Outcome, Rejected, Retry
from channels.signals import SlowDown, StopCampaign, StopChannel
from jobs.deadlocks import despite_deadlocks, in_order
from store.engine import Database
from tests.world import rows


def test_whatever_a_block_hears_the_accounts_row_is_locked_last_and_campaigns_by_name() -> None:
    def heard(campaign: str, outcome: Outcome) -> tuple[SimpleNamespace, Outcome]:
        return SimpleNamespace(row=SimpleNamespace(campaign=campaign)), outcome

    slow = heard("a", Retry("429", signal=SlowDown(timedelta(seconds=1))))
    channel, nothing = heard("c", Retry("190", signal=StopChannel("190"))), heard("a", Rejected("131026"))
    late, early = (
        heard("z", Rejected("132001", signal=StopCampaign("132001"))),
        heard("b", Rejected("132001", signal=StopCampaign("132001"))),
    )
    assert in_order([slow, nothing, late, channel, early]) == [early, late, channel, slow, nothing]


async def test_of_two_who_wait_for_each_other_both_come_through(database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(text("INSERT INTO facts (name, value, at) VALUES ('a', '0', now()), ('b', '0', now())"))
    both_hold_one = asyncio.Barrier(2)
    tries = 0

    async def add(first: str, second: str) -> None:
        nonlocal tries
        tries += 1
        async with database.begin() as connection:
            await connection.execute(text("SET LOCAL deadlock_timeout = '20ms'"))
            for name in (first, second):
                await connection.execute(text("UPDATE facts SET value = to_jsonb(value::int + 1) WHERE name = :name"), {"name": name})
                if tries <= 2 and name == first:
                    await both_hold_one.wait()

    await asyncio.gather(despite_deadlocks(lambda: add("a", "b")), despite_deadlocks(lambda: add("b", "a")))
    assert tries == 3
    assert [row.value for row in await rows(database, "SELECT value FROM facts WHERE name IN ('a', 'b')")] == [2, 2]
