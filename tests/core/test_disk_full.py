"""PostgreSQL has no room left: nothing is set aside for it, nothing is lost, and all goes on once there is room again."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from jobs.plan import plan_events, plan_runs
from jobs.receipts import apply_receipts
from jobs.valve import valve
from scheduler.firing import fire
from scheduler.ticks import Job, guarded
from scheduler.troubles import troubles
from store import events, receipts, set_aside
from tests.core.conftest import Stage
from tests.core.webhooks import status
from tests.world import at, campaign, configure, files, person, rows, statuses

TABLES = ("messages", "interactions", "attempts", "runs")


async def fill(stage: Stage) -> None:
    """As the server says it when a write meets a full disk."""
    async with stage.house.database.begin() as connection:
        await connection.execute(
            text(
                """CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
                   $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"""
            )
        )
        for table in TABLES:
            await connection.execute(text(f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION full_disk()"))


async def make_room(stage: Stage) -> None:
    async with stage.house.database.begin() as connection:
        for table in TABLES:
            await connection.execute(text(f"DROP TRIGGER full_disk ON {table}"))


async def waiting(stage: Stage) -> int:
    """A run is due, one message waits for the valve, an event and a receipt have come in."""
    house = stage.house
    for number in (1, 2):
        await person(house.database, number)
    first = campaign("first", channels="[whatsapp]", category="service", when='{at: "2026-11-20 18:31"}')
    later = campaign("later", category="service", when='{at: "2026-11-20 18:35"}', audience="{any: [regular]}")
    answer = campaign("answer", category="service", when="{event: kyc.updated}", channels="[email]")
    await configure(house, files(first, later, answer))
    await stage.until("2026-11-20 18:33")
    [sent, _] = await rows(house.database, "SELECT id FROM messages WHERE status = 'sent' ORDER BY id")
    stage.clock.advance_to(at("2026-11-20 18:36"))
    await fire(house, stage.clock.now())
    async with house.database.begin() as connection:
        await events.add(connection, event_id="e", name="kyc.updated", customer_no="C000001", data={}, now=stage.clock.now())
        await receipts.store(connection, "whatsapp", status(stage, sent.id, "delivered"), stage.clock.now())
    return int(sent.id)


@pytest.mark.parametrize("job", [plan_runs, plan_events, apply_receipts], ids=lambda job: job.__name__)
async def test_a_full_disk_fails_the_tick_and_sets_nothing_aside(stage: Stage, job: Job) -> None:
    await waiting(stage)
    await fill(stage)
    with pytest.raises(OperationalError):
        await job(stage.house, stage.clock.now())
    assert await guarded(stage.house, "plan", job) is False
    async with stage.house.database.begin() as connection:
        assert set((await set_aside.counts(connection)).values()) == {0}
        assert "DiskFull" in " ".join(trouble.words for trouble in await troubles(connection, stage.clock.now()))


async def test_once_there_is_room_everything_goes_on(stage: Stage) -> None:
    await waiting(stage)
    await fill(stage)
    for job in (plan_runs, plan_events, apply_receipts, valve):
        await guarded(stage.house, "plan", job)
    await make_room(stage)
    await stage.until("2026-11-20 18:40")
    assert sorted(row[1:3] for row in await statuses(stage.house.database)) == [
        ("email", "sent"),
        ("push", "sent"),
        ("push", "sent"),
        ("whatsapp", "delivered"),
        ("whatsapp", "sent"),
    ]
