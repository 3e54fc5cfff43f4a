"""After a finished day nothing is released, and the statistics say so. The next day's claims must not read the whole day for it."""

from __future__ import annotations

from sqlalchemy import text

from jobs.house import House
from store import outbox
from store.outbox import STALE
from tests.world import campaign, configure, files

CHUNK, CHUNKS = 100, 100
_DAY = """
WITH run AS (INSERT INTO runs (campaign, occurrence, version_id, content_hash, category, priority, channels, due_at, expires_at, status)
             VALUES ('hello', :status, :version, 'h', 'reminder', 50, '{push}', :now, :now + interval '7 days', 'active') RETURNING id)
INSERT INTO messages (run_id, person_id, channel, category, variant, window_key, status, queued_at, expires_at, released_at, chunk_id)
SELECT run.id, p.id, 'push', 'reminder', 0, 'none@Asia/Jakarta', :status, :now, :now + interval '7 days', :now, p.id % :chunks
FROM run, people p
"""
_READ = text("SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) AS n FROM pg_stat_xact_user_tables WHERE relname = 'messages'")


async def test_a_claim_reads_no_more_than_its_chunk(house: House) -> None:
    version = await configure(house, files(campaign()))
    now = house.clock.now()
    day = {"version": version, "now": now, "chunks": CHUNKS}
    async with house.database.begin() as connection:
        await connection.execute(
            text("INSERT INTO people (customer_no, name) SELECT 'C' || n, 'Budi' FROM generate_series(1, :n) n"), {"n": CHUNK * CHUNKS}
        )
        await connection.execute(text(_DAY), day | {"status": "sent"})
    async with house.database.begin() as connection:
        await connection.execute(text("ANALYZE"))
        await connection.execute(text(_DAY), day | {"status": "released"})
    async with house.database.begin() as connection:
        claimed = await outbox.claim(connection, chunk=7, limit=CHUNK, sort="push", offers=[], now=now, lease_until=now + STALE)
        read = (await connection.execute(_READ)).scalar_one()
    assert {row.status for row in claimed} == {"sending"}
    assert len(claimed) == CHUNK
    assert read <= 4 * CHUNK  # once to pick, once to claim, and room
