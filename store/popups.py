"""Pop-ups as they wait for the app, in the transaction that settles them as sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import LONGS, TEXTS, rows, run, sql

_PUBLISH = sql(
    """INSERT INTO popups (message_id, person_id, priority, content, available_at, expires_at)
       SELECT v.id, m.person_id, r.priority, CAST(v.content AS jsonb), :now, m.expires_at
       FROM unnest(:ids, :contents) AS v(id, content) JOIN messages m ON m.id = v.id JOIN runs r ON r.id = m.run_id
       ON CONFLICT (message_id) DO NOTHING""",
    ids=LONGS,
    contents=TEXTS,
)
_WAITING = sql(
    """SELECT p.message_id, p.priority, p.content, p.available_at, p.expires_at, p.impressions, m.campaign
       FROM popups p JOIN (SELECT x.id, r.campaign FROM messages x JOIN runs r ON r.id = x.run_id) m ON m.id = p.message_id
       WHERE p.person_id = :person AND p.closed_at IS NULL AND p.expires_at > :now
       ORDER BY p.priority DESC, p.expires_at, p.message_id LIMIT 20"""
)
_SHOWN = sql(
    """UPDATE popups SET impressions = impressions + 1,
              closed_at = CASE WHEN impressions + 1 >= coalesce((content ->> 'max_impressions')::int, 1) THEN CAST(:now AS timestamptz) END
       WHERE message_id = :id AND closed_at IS NULL"""
)
_CLOSE = sql("UPDATE popups SET closed_at = :now WHERE message_id = :id AND closed_at IS NULL")


_OWNERS = sql("SELECT id, person_id FROM messages WHERE id = ANY(:ids)", ids=LONGS)


async def owners(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, int]:
    """{message id: person id} of those that exist."""
    return {row.id: row.person_id for row in await rows(connection, _OWNERS, ids=list(ids))}


async def publish(connection: AsyncConnection, contents: Mapping[int, str], now: datetime) -> None:
    """{message id: content as JSON}, available from now on."""
    if contents:
        await run(connection, _PUBLISH, ids=list(contents), contents=list(contents.values()), now=now)


async def waiting(connection: AsyncConnection, person_id: int, now: datetime) -> Sequence[Row[Any]]:
    """What this person may be shown, the most important first."""
    return await rows(connection, _WAITING, person=person_id, now=now)


async def shown(connection: AsyncConnection, message_id: int, now: datetime) -> bool:
    """Consume one impression; False when there was none left."""
    return await run(connection, _SHOWN, id=message_id, now=now) > 0


async def close(connection: AsyncConnection, message_id: int, now: datetime) -> bool:
    return await run(connection, _CLOSE, id=message_id, now=now) > 0
