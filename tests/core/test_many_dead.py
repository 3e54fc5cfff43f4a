"""A hundred thousand dead letters are listed by cause in a moment."""

from __future__ import annotations

import time

from sqlalchemy import text

from jobs.house import House
from store import letters
from store.replay import Chosen, choice
from store.statements import LONGS, TEXTS, sql
from tests.world import campaign, configure, files

DEAD = 100_000
_FILL = """
WITH who AS (INSERT INTO people (customer_no, name) SELECT 'C' || n, 'Budi' FROM generate_series(1, 1000) n RETURNING id),
     run AS (INSERT INTO runs (campaign, occurrence, version_id, content_hash, category, priority, channels, due_at, expires_at, status)
             SELECT 'hello', CAST(n AS text), :version, 'h', 'reminder', 50, '{push}', :now, :now + interval '7 days', 'finished'
             FROM generate_series(1, :runs) n RETURNING id)
INSERT INTO messages (run_id, person_id, channel, category, variant, window_key, status, reason, queued_at, expires_at, settled_at)
SELECT run.id, who.id, 'push', 'reminder', 0, 'none@Asia/Jakarta', :status, 'tries_used_up:E' || run.id % 7, :now,
       :now + interval '7 days', :now
FROM run, who
"""
SORTS = {"push": "push"}


async def test_a_hundred_thousand_dead_letters_are_listed_in_a_moment(house: House) -> None:
    version = await configure(house, files(campaign()))
    now = house.clock.now()
    async with house.database.begin() as connection:
        await connection.execute(text(_FILL), {"version": version, "now": now, "runs": DEAD // 1000, "status": "failed"})
    async with house.database.begin() as connection:
        await connection.execute(text("ANALYZE"))
    async with house.database.begin() as connection:
        await connection.execute(text("SET LOCAL max_parallel_workers_per_gather = 0"))
        before = time.monotonic()
        groups = await letters.groups(connection, "failed", Chosen(), sorts=SORTS, now=now)
        singles = await letters.each(connection, "failed", Chosen(cause="E3"), sorts=SORTS, now=now, limit=50)
        took = time.monotonic() - before
    assert (sum(group.n for group in groups), len(groups), len(singles)) == (DEAD, 7, 50)
    assert took < 5


async def test_one_cause_is_found_by_the_index_and_not_by_reading_every_message(house: House) -> None:
    async with house.database.begin() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        explained = sql(f"EXPLAIN {letters._GROUPS.text}", channels=TEXTS, sorts=TEXTS, ids=LONGS)
        values = choice(Chosen(), SORTS, house.clock.now()) | {"status": "failed"}
        plan = "\n".join(row[0] for row in await connection.execute(explained, values))
    assert "ix_messages_dead" in plan
