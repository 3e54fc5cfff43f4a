"""Messages that may have gone out although nobody said so, and then came to a dead end."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import rows, sql

# Whoever ends a message need not know of the doubt: this comes after all of them. It counts as a contact from when it was in doubt.
_UNSURE = sql(
    """WITH ended AS MATERIALIZED (SELECT id FROM messages WHERE doubted_at IS NOT NULL
                                   AND status IN ('failed', 'expired', 'suppressed', 'cancelled') LIMIT :limit FOR UPDATE SKIP LOCKED)
       UPDATE messages m SET status = 'unknown', reason = 'in_doubt:' || coalesce(m.reason, m.status), sent_at = m.doubted_at,
              settled_at = :now, next_attempt_at = NULL
       FROM ended WHERE m.id = ended.id AND m.status IN ('failed', 'expired', 'suppressed', 'cancelled') RETURNING m.id"""
)


async def unsure(connection: AsyncConnection, now: datetime, limit: int) -> list[int]:
    """Dead ends that may have gone out become unknown; their ids."""
    return [row.id for row in await rows(connection, _UNSURE, now=now, limit=limit)]
