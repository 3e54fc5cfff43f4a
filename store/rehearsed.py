"""What a rehearsal did: sends without a provider, counts, and every decision."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import rows, sql

_SEND = sql(
    """WITH sent AS (UPDATE messages SET status = 'sent', sent_at = :now, settled_at = :now
                     WHERE status = 'released' AND chunk_id IS NOT NULL RETURNING channel)
       SELECT channel, count(*) AS n FROM sent GROUP BY channel"""
)
_COUNTS = sql(
    """WITH told AS (
         SELECT r.campaign, m.channel, m.status, regexp_replace(coalesce(m.reason, ''), ':[0-9]+$', '') AS reason, m.sent_at,
                date_trunc('hour', coalesce(m.sent_at, m.settled_at, m.next_attempt_at, m.queued_at), :zone) AS hour
         FROM messages m JOIN runs r ON r.id = m.run_id WHERE m.queued_at >= :since OR m.sent_at >= :since OR m.settled_at >= :since
            OR m.status IN ('queued', 'deferred'))
       SELECT campaign, channel, hour, status, reason, count(*) AS n, min(sent_at) AS first, max(sent_at) AS last
       FROM told GROUP BY 1, 2, 3, 4, 5 ORDER BY 3, 1, 2, 4, 5"""
)
_DECISIONS = sql(
    """SELECT CAST(t ->> 'at' AS timestamptz) AS at, p.customer_no, r.campaign, r.occurrence, m.channel, t ->> 'is' AS decision,
              t ->> 'why' AS reason, CAST(t ->> 'until' AS timestamptz) AS until
       FROM messages m JOIN runs r ON r.id = m.run_id JOIN people p ON p.id = m.person_id
       CROSS JOIN LATERAL jsonb_array_elements(m.trail) t
       WHERE CAST(t ->> 'at' AS timestamptz) >= :since
       UNION ALL
       SELECT m.settled_at, p.customer_no, r.campaign, r.occurrence, m.channel, m.status, m.reason, NULL
       FROM messages m JOIN runs r ON r.id = m.run_id JOIN people p ON p.id = m.person_id
       WHERE m.settled_at >= :since AND (m.status IN ('expired', 'cancelled')
             OR (m.status = 'suppressed' AND NOT m.trail @> '[{"is": "suppressed"}]'))
       ORDER BY 1, customer_no, campaign, channel, occurrence, decision"""
)
_PAGE = 2_000


async def send(connection: AsyncConnection, now: datetime) -> dict[str, int]:
    """Everything released counts as sent; how many on each channel."""
    return {row.channel: row.n for row in await rows(connection, _SEND, now=now)}


async def counts(connection: AsyncConnection, zone: str, since: datetime) -> Sequence[Row[Any]]:
    """(campaign, channel, hour, status, reason, n, first, last)."""
    return await rows(connection, _COUNTS, zone=zone, since=since)


async def decisions(connection: AsyncConnection, since: datetime) -> AsyncIterator[Sequence[Row[Any]]]:
    """(at, customer_no, campaign, occurrence, channel, decision, reason, until), oldest first, in pages."""
    async with connection.stream(_DECISIONS, {"since": since}) as result:
        async for page in result.partitions(_PAGE):
            yield page
