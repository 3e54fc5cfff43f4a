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
# Everything that may have changed since it was put here is asked again: opt-out, consent to offers, pauses.
_WAITING = sql(
    """SELECT p.message_id, p.priority, p.content, p.available_at, p.expires_at, r.campaign, m.status = 'sent' AS unfetched
       FROM popups p JOIN messages m ON m.id = p.message_id JOIN runs r ON r.id = m.run_id JOIN people h ON h.id = p.person_id
       WHERE p.person_id = :person AND p.closed_at IS NULL AND p.expires_at > :now
         AND coalesce(p.content ->> 'trigger', 'app_open') = :trigger
         AND NOT EXISTS (SELECT FROM optouts o WHERE o.person_id = p.person_id AND o.channel = m.channel AND o.withdrawn_at IS NULL)
         AND (m.category <> ALL(:offers) OR h.consents -> m.channel -> 'marketing' = 'true')
         AND NOT EXISTS (SELECT FROM pauses q
                         WHERE coalesce(q.channel, m.channel) = m.channel AND coalesce(q.campaign, r.campaign) = r.campaign)
       ORDER BY p.priority DESC, p.expires_at, p.message_id LIMIT 20""",
    offers=TEXTS,
)
_FETCHED = sql(
    "UPDATE messages SET status = 'delivered', delivered_at = :now WHERE id = ANY(:ids) AND status = 'sent'",
    ids=LONGS,
)
_OWN = sql("SELECT message_id FROM popups WHERE message_id = ANY(:ids) AND person_id = :person", ids=LONGS)
_RECIPIENT = sql("SELECT id FROM people WHERE customer_no = :customer_no")
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


async def recipient(connection: AsyncConnection, customer_no: str) -> int | None:
    """The person's id, None when nobody has this number."""
    found = await rows(connection, _RECIPIENT, customer_no=customer_no)
    return int(found[0].id) if found else None


async def waiting(connection: AsyncConnection, person_id: int, trigger: str, offers: Sequence[str], now: datetime) -> Sequence[Row[Any]]:
    """What this person may be shown at a trigger of the app, the most important first. offers: categories that need consent.

    Rows: (message_id, priority, content, available_at, expires_at, campaign, unfetched).
    """
    return await rows(connection, _WAITING, person=person_id, trigger=trigger, offers=list(offers), now=now)


async def fetched(connection: AsyncConnection, ids: Sequence[int], now: datetime) -> None:
    """The app has them: sent becomes delivered, once."""
    if ids:
        await run(connection, _FETCHED, ids=list(ids), now=now)


async def own(connection: AsyncConnection, person_id: int, ids: Sequence[int]) -> set[int]:
    """Those of the messages that are pop-ups of this person's."""
    return {row.message_id for row in await rows(connection, _OWN, person=person_id, ids=list(ids))}


async def shown(connection: AsyncConnection, message_id: int, now: datetime) -> bool:
    """Consume one impression; False when there was none left."""
    return await run(connection, _SHOWN, id=message_id, now=now) > 0


async def close(connection: AsyncConnection, message_id: int, now: datetime) -> bool:
    return await run(connection, _CLOSE, id=message_id, now=now) > 0
