"""A run is finished when nothing is left to do, also when somebody adds to it in that very moment."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from jobs.house import House
from jobs.reconcile import reconcile
from store import runs
from tests.core.conftest import Stage
from tests.world import campaign, configure, files, person, rows

RUN = "SELECT id, status, finished_at IS NULL AS open FROM runs"
WAITS = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
# As a plan does it whose customer event joins the run.
JOIN = """INSERT INTO messages (run_id, person_id, channel, category, variant, window_key, status, queued_at, expires_at)
          SELECT run_id, :person, channel, category, variant, window_key, 'queued', queued_at, expires_at FROM messages"""


async def _somebody_waits(house: House) -> None:
    async with asyncio.timeout(10):
        while not await rows(house.database, WAITS):
            continue


async def test_what_joins_a_run_in_the_moment_it_is_finished_is_sent_all_the_same(stage: Stage) -> None:
    house, now = stage.house, stage.clock.now
    await person(house.database, 1)
    await configure(house, files(campaign(window="any-time")))
    await stage.until("2026-11-20 18:46")
    other = await person(house.database, 2)
    async with house.database.begin() as connection:
        await connection.execute(text("UPDATE runs SET status = 'active', finished_at = NULL"))
    [run] = await rows(house.database, RUN)
    async with house.database.begin() as connection:
        await connection.execute(text(JOIN), {"person": other})
        await runs.planned(connection, run.id, count=1, keys=[], now=now())
        closing = asyncio.ensure_future(reconcile(house, now()))
        await _somebody_waits(house)
    assert await closing == 1
    await reconcile(house, now())
    assert [(found.status, found.open) for found in await rows(house.database, RUN)] == [("active", True)]
    await stage.until("2026-11-20 21:00")
    assert [found.status for found in await rows(house.database, "SELECT status FROM messages ORDER BY id")] == ["sent", "sent"]
    assert [found.status for found in await rows(house.database, RUN)] == ["finished"]
