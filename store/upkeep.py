"""Statements of housekeeping."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import run, sql

_OLD_RECEIPTS = sql(
    """DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE applied_at < :before ORDER BY id LIMIT :limit
                                         FOR UPDATE SKIP LOCKED)"""
)
_OLD_INTERACTIONS = sql(
    """DELETE FROM interactions WHERE event_id IN (SELECT event_id FROM interactions WHERE message_id IS NULL AND at < :before
                                                   LIMIT :limit FOR UPDATE SKIP LOCKED)"""
)
# A message that still waits is filled in with it; its run is open, and older. What was set aside is to be planned once more.
_OLD_EVENT_DATA = sql(
    """UPDATE events SET data = '{}' WHERE id IN (
         SELECT id FROM events WHERE data <> '{}' AND error IS NULL
           AND planned_at < least(:before, (SELECT min(due_at) FROM runs WHERE status IN ('due', 'active')))
         LIMIT :limit FOR UPDATE SKIP LOCKED)"""
)
_OLD_POPUP_CONTENT = sql(
    """UPDATE popups SET content = '{}' WHERE message_id IN (
         SELECT message_id FROM popups WHERE content <> '{}' AND expires_at < :before LIMIT :limit FOR UPDATE SKIP LOCKED)"""
)
_OLD_TRIALS = sql(
    """DELETE FROM popup_tests WHERE id IN (SELECT id FROM popup_tests WHERE expires_at <= :now LIMIT :limit FOR UPDATE SKIP LOCKED)"""
)
# The oldest finished runs, and of their messages no more than a batch; what hangs on these goes with them.
_OVER = """SELECT id FROM runs WHERE status = 'finished' AND finished_at < :before ORDER BY finished_at, id LIMIT :limit"""
_OLD_MESSAGES = sql(
    f"""WITH old AS MATERIALIZED ({_OVER} FOR UPDATE SKIP LOCKED),
        batch AS MATERIALIZED (SELECT m.id FROM old CROSS JOIN LATERAL (SELECT id FROM messages WHERE run_id = old.id LIMIT :limit) m
                               LIMIT :limit)
        DELETE FROM messages WHERE id IN (SELECT id FROM batch)"""
)
_OLD_RUNS = sql(
    f"""WITH old AS MATERIALIZED ({_OVER} FOR UPDATE SKIP LOCKED)
        DELETE FROM runs r USING old WHERE r.id = old.id AND NOT EXISTS (SELECT FROM messages m WHERE m.run_id = r.id)"""
)
_OLD_SKIPPED = sql(
    """DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE status IN ('skipped', 'failed') AND due_at < :before LIMIT :limit
                                     FOR UPDATE SKIP LOCKED)"""
)
# Planned before the oldest run there is, so that no message came of it that is still here.
_OLD_EVENTS = sql(
    """DELETE FROM events WHERE id IN (
         SELECT id FROM events WHERE planned_at < least(:before, (SELECT min(due_at) FROM runs)) ORDER BY planned_at
         LIMIT :limit FOR UPDATE SKIP LOCKED)"""
)
# Superseded before the oldest run there is, so that no message was planned with it or released under its rules.
_OLD_VERSIONS = sql(
    """DELETE FROM versions v USING (
         SELECT id, lead(activated_at) OVER (ORDER BY activated_at, id) AS superseded_at FROM versions) each
       WHERE v.id = each.id AND each.superseded_at < :before
         AND each.superseded_at < coalesce((SELECT min(due_at) FROM runs), 'infinity')
         AND NOT EXISTS (SELECT FROM runs r WHERE r.version_id = v.id)"""
)
# A job whose worker's heartbeat stopped sends nothing any more; the sweep has nudged its chunk again.
_DEAD_JOBS = sql(
    """DELETE FROM procrastinate_jobs WHERE id IN (
         SELECT j.id FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
         WHERE j.status IN ('failed', 'succeeded', 'cancelled', 'aborted')
            OR (j.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < now() - interval '5 minutes'))
         LIMIT :limit FOR UPDATE OF j SKIP LOCKED)"""
)
# After a first big load the planner knows nothing yet, and what takes seconds would take minutes.
_ANALYZE = sql("ANALYZE people, addresses, permissions, suppressions, runs, messages, attempts")
_ANALYZE_MESSAGES = sql("ANALYZE messages")


async def analyze(connection: AsyncConnection) -> None:
    """Fresh statistics for the planner; samples, so its cost hardly grows with the tables."""
    await connection.execute(_ANALYZE)


async def analyze_messages(connection: AsyncConnection) -> None:
    """As analyze, after many came at once: who believes that nothing waits reads all that waits to find one customer's."""
    await connection.execute(_ANALYZE_MESSAGES)


async def old_receipts(connection: AsyncConnection, before: datetime, limit: int) -> int:
    return await run(connection, _OLD_RECEIPTS, before=before, limit=limit)


async def dead_jobs(connection: AsyncConnection, limit: int) -> int:
    return await run(connection, _DEAD_JOBS, limit=limit)


async def old_interactions(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Of no message; those of one go with it."""
    return await run(connection, _OLD_INTERACTIONS, before=before, limit=limit)


async def old_event_data(connection: AsyncConnection, before: datetime, limit: int) -> int:
    return await run(connection, _OLD_EVENT_DATA, before=before, limit=limit)


async def old_popup_content(connection: AsyncConnection, before: datetime, limit: int) -> int:
    return await run(connection, _OLD_POPUP_CONTENT, before=before, limit=limit)


async def old_messages(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Of runs that were finished before an instant, with their attempts, pop-ups and what people did with them."""
    return await run(connection, _OLD_MESSAGES, before=before, limit=limit)


async def old_runs(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Finished or skipped before an instant, and of no message that is still here."""
    return await run(connection, _OLD_RUNS, before=before, limit=limit) + await run(connection, _OLD_SKIPPED, before=before, limit=limit)


async def old_events(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Planned before an instant; the messages that came of them are gone."""
    return await run(connection, _OLD_EVENTS, before=before, limit=limit)


async def old_trials(connection: AsyncConnection, now: datetime, limit: int) -> int:
    return await run(connection, _OLD_TRIALS, now=now, limit=limit)


async def old_versions(connection: AsyncConnection, before: datetime) -> int:
    """before: since when another one is in force."""
    return await run(connection, _OLD_VERSIONS, before=before)
