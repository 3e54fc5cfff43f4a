"""After a restore: what waited when the dump was made, and may have gone since from the database that is lost."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import rows, run, sql

_MAY_HAVE_GONE = """r.due_at <= :since AND (m.status = 'queued' OR m.next_attempt_at <= :since)
       AND (CAST(:campaign AS text) IS NULL OR r.campaign = :campaign) AND m.status IN ('queued', 'deferred')"""
_DOUBT = sql(
    f"""UPDATE messages m SET status = 'unknown', reason = 'restored', sent_at = :of, released_at = coalesce(m.released_at, :of),
              settled_at = :now, next_attempt_at = NULL,
              trail = m.trail || jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
                'at', CAST(:now AS timestamptz), 'is', 'doubted', 'why', m.reason, 'by', CAST(:by AS text))))
        FROM runs r WHERE r.id = m.run_id AND {_MAY_HAVE_GONE}"""
)
_COUNT = sql(f"SELECT count(*) AS n FROM messages m JOIN runs r ON r.id = m.run_id WHERE {_MAY_HAVE_GONE}")
_SETTLED = sql(
    """SELECT NOT EXISTS (SELECT FROM runs WHERE status = 'due') AND NOT EXISTS (SELECT FROM events WHERE planned_at IS NULL)
              AND coalesce((SELECT last_ok_at > :since FROM ticks WHERE name = 'plan'), false) AS yes"""
)


async def caught_up(connection: AsyncConnection, since: datetime) -> bool:
    """Whether a scheduler has planned since then what was missed: that may have gone, too."""
    return bool((await rows(connection, _SETTLED, since=since))[0].yes)


async def doubt(connection: AsyncConnection, campaign: str | None, *, since: datetime, of: datetime, by: str, now: datetime) -> int:
    """Waiting messages of runs that were due before `since`, the moment of the restore, are unknown: they count from `of`. How many."""
    return await run(connection, _DOUBT, campaign=campaign, since=since, of=of, by=by, now=now)


async def doubtful(connection: AsyncConnection, campaign: str | None, since: datetime) -> int:
    """How many that would be."""
    return int((await rows(connection, _COUNT, campaign=campaign, since=since))[0].n)
