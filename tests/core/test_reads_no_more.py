"""On an evening after a day that has ended, when the planner's statistics say that nothing waits and nothing is under way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.clock import VirtualClock
from jobs.house import House
from jobs.plan import MANY, plan
from scheduler.firing import fire
from store import messages, outbox
from store.outbox import STALE
from tests.world import campaign, configure, files

CHUNK = 100
_PEOPLE = "INSERT INTO people (customer_no, name, portfolio_value) SELECT 'C' || n, 'Budi', 1 FROM generate_series(1, :n) n"
_PHONES = "INSERT INTO addresses (person_id, sort, kind, value) SELECT id, 'push', 'token', 'token-' || id FROM people"
_DAY = """
WITH run AS (INSERT INTO runs (campaign, occurrence, version_id, content_hash, category, priority, channels, due_at, expires_at, status)
             VALUES ('hello', :status, :version, 'h', 'reminder', 50, '{push}', :now, :now + interval '7 days', 'active') RETURNING id)
INSERT INTO messages (run_id, person_id, channel, category, variant, window_key, status, queued_at, expires_at, released_at, chunk_id)
SELECT run.id, p.id, 'push', 'reminder', 0, 'none@Asia/Jakarta', :status, :now, :now + interval '7 days', :now, p.id % :chunks
FROM run, people p
"""
_READ = text("SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) AS n FROM pg_stat_xact_user_tables WHERE relname = 'messages'")


async def read(connection: AsyncConnection) -> int:
    """Rows of messages read by this connection; they are summed up over transactions, until it finds time to report them."""
    return int((await connection.execute(_READ)).scalar_one())


@pytest.fixture
async def day(house: House) -> dict[str, object]:
    """Everything has gone to everybody, and the statistics are fresh."""
    day = {"version": await configure(house, files(campaign())), "now": house.clock.now(), "chunks": MANY // CHUNK}
    async with house.database.begin() as connection:
        await connection.execute(text(_PEOPLE), {"n": MANY})
        await connection.execute(text(_PHONES))
        await connection.execute(text(_DAY), day | {"status": "sent"})
    async with house.database.begin() as connection:
        await connection.execute(text("ANALYZE"))
    return day


async def test_a_claim_reads_its_chunk_alone(house: House, day: dict[str, object]) -> None:
    now = house.clock.now()
    async with house.database.begin() as connection:
        await connection.execute(text(_DAY), day | {"status": "released"})
    async with house.database.begin() as connection:
        before = await read(connection)
        claimed = await outbox.claim(connection, chunk=7, limit=CHUNK, sort="push", offers=[], now=now, lease_until=now + STALE)
        after = await read(connection)
    assert {row.status for row in claimed} == {"sending"}
    assert len(claimed) == CHUNK
    assert after - before <= 4 * CHUNK  # once to pick, once to claim, and room


@pytest.mark.usefixtures("day")
async def test_what_some_have_waiting_is_found_without_reading_what_all_have(house: House, clock: VirtualClock) -> None:
    await fire(house, clock.now())
    clock.advance_to(clock.now() + timedelta(minutes=16))
    await fire(house, clock.now())
    planned = await plan(house, clock.now())
    assert planned.messages == MANY
    async with house.database.begin() as connection:
        before = await read(connection)
        waiting = await messages.of_people(connection, [row.id for row in await connection.execute(text("SELECT id FROM people LIMIT 10"))])
        after = await read(connection)
    assert len(waiting) == 10
    assert after - before <= 4 * len(waiting)
