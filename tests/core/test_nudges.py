"""A chunk whose job nobody works on gets another, also when a living worker is said to have it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from jobs.clock import VirtualClock
from jobs.leases import nudge_after
from jobs.sweep import sweep
from jobs.valve import valve
from scheduler.ticks import fire_and_plan
from tests.core.conftest import Stage
from tests.world import at, campaign, configure, files, person

FETCHED = """
WITH alive AS (INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()) RETURNING id)
UPDATE procrastinate_jobs SET status = 'doing', worker_id = alive.id FROM alive
"""


async def test_a_job_that_was_fetched_and_never_arrived_is_nudged_again(stage: Stage, clock: VirtualClock) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign()))
    await fire_and_plan(stage.house, clock.now())
    clock.advance_to(at("2026-11-20 19:00"))
    await fire_and_plan(stage.house, clock.now())
    await valve(stage.house, clock.now())
    async with stage.house.database.begin() as connection:
        await connection.execute(text(FETCHED))
    clock.advance_to(clock.now() + nudge_after(stage.house.settings) + timedelta(seconds=1))
    assert (await sweep(stage.house, clock.now())).nudged == 1
    await stage.send()
    assert len(stage.delivered()) == 1
