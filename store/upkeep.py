"""Statements of housekeeping."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import run, sql

_OLD_RECEIPTS = sql(
    """DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE applied_at < :before ORDER BY id LIMIT :limit
                                         FOR UPDATE SKIP LOCKED)"""
)
# A job whose worker's heartbeat stopped sends nothing any more; the sweep has nudged its chunk again.
_DEAD_JOBS = sql(
    """DELETE FROM procrastinate_jobs WHERE id IN (
         SELECT j.id FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
         WHERE j.status IN ('failed', 'succeeded', 'cancelled', 'aborted')
            OR (j.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < now() - interval '5 minutes'))
         LIMIT 5000 FOR UPDATE OF j SKIP LOCKED)"""
)
# After a first big load the planner knows nothing yet, and what takes seconds would take minutes.
_ANALYZE = sql("ANALYZE people, addresses, permissions, suppressions, runs, messages, attempts")


async def analyze(connection: AsyncConnection) -> None:
    """Fresh statistics for the planner; samples, so its cost hardly grows with the tables."""
    await connection.execute(_ANALYZE)


async def old_receipts(connection: AsyncConnection, before: datetime, limit: int) -> int:
    return await run(connection, _OLD_RECEIPTS, before=before, limit=limit)


async def dead_jobs(connection: AsyncConnection) -> int:
    return await run(connection, _DEAD_JOBS)
