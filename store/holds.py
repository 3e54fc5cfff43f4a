"""Who is left alone on a channel, and until when: while a message is on its way, for a while after it, and as long as a provider asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import LONGS, TEXTS, TIMES, rows, run, sql

ON_ITS_WAY = "on_its_way"
SPACING = "spacing"

# Of two messages to one person only one gets the row, whoever asks first; ordered, so that two blocks do not wait for each other.
_TAKE = sql(
    """WITH wanted AS MATERIALIZED (
         SELECT v.message_id, v.person_id, h.until, h.reason,
                row_number() OVER (PARTITION BY v.person_id ORDER BY h.until IS NOT NULL, v.message_id) AS place
         FROM unnest(:messages, :people) AS v(message_id, person_id)
         LEFT JOIN holds h ON h.person_id = v.person_id AND h.channel = :channel AND h.scope = 'offers' AND h.until > :now
                              AND v.message_id = ANY(:offers)),
       took AS (
         INSERT INTO holds (person_id, channel, scope, until, reason)
         SELECT person_id, :channel, 'any', :until, 'on_its_way' FROM wanted WHERE place = 1 AND until IS NULL ORDER BY person_id
         ON CONFLICT (person_id, channel, scope) DO UPDATE SET until = excluded.until, reason = excluded.reason WHERE holds.until <= :now
         RETURNING person_id)
       SELECT w.message_id, coalesce(w.until, CASE WHEN h.until > :now AND h.reason <> 'on_its_way' THEN h.until END) AS until,
              coalesce(w.reason, CASE WHEN h.until > :now AND h.reason <> 'on_its_way' THEN h.reason ELSE 'spacing' END) AS reason
       FROM wanted w LEFT JOIN holds h ON h.person_id = w.person_id AND h.channel = :channel AND h.scope = 'any'
       WHERE w.until IS NOT NULL OR w.place > 1 OR NOT EXISTS (SELECT FROM took t WHERE t.person_id = w.person_id)""",
    messages=LONGS,
    people=LONGS,
    offers=LONGS,
)
# What is on its way gives place to what came of it; of two other holds the longer one stands.
_PUT = sql(
    """INSERT INTO holds AS h (person_id, channel, scope, until, reason)
       SELECT DISTINCT ON (person_id, scope) person_id, :channel, scope, until, reason
       FROM unnest(:people, :scopes, :untils, :reasons) AS v(person_id, scope, until, reason)
       ORDER BY person_id, scope, until DESC
       ON CONFLICT (person_id, channel, scope) DO UPDATE SET until = excluded.until, reason = excluded.reason
       WHERE h.reason = 'on_its_way' OR h.until < excluded.until""",
    people=LONGS,
    scopes=TEXTS,
    untils=TIMES,
    reasons=TEXTS,
)
_OLD = sql(
    """DELETE FROM holds WHERE (person_id, channel, scope) IN (
         SELECT person_id, channel, scope FROM holds WHERE until < :before LIMIT :limit FOR UPDATE SKIP LOCKED)"""
)

Waiting = tuple[int, datetime, str]  # message id, not before, why


@dataclass(frozen=True, slots=True)
class Hold:
    """offers: only offers are kept off."""

    person_id: int
    until: datetime
    reason: str = SPACING
    offers: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message about to be sent."""

    message_id: int
    person_id: int
    offer: bool


async def take(
    connection: AsyncConnection, channel: str, wanted: Sequence[Wanted], *, spacing: timedelta, now: datetime, until: datetime
) -> list[Waiting]:
    """Keep everything else off these people until an instant; which of the messages have to wait themselves."""
    if not wanted:
        return []
    found = await rows(
        connection,
        _TAKE,
        channel=channel,
        messages=[item.message_id for item in wanted],
        people=[item.person_id for item in wanted],
        offers=[item.message_id for item in wanted if item.offer],
        now=now,
        until=until,
    )
    return [(row.message_id, row.until or now + spacing, row.reason) for row in found]


async def put(connection: AsyncConnection, channel: str, found: Sequence[Hold]) -> None:
    """An instant that is past lets go of who was kept off for a message on its way."""
    if found:
        await run(
            connection,
            _PUT,
            channel=channel,
            people=[item.person_id for item in found],
            scopes=["offers" if item.offers else "any" for item in found],
            untils=[item.until for item in found],
            reasons=[item.reason for item in found],
        )


async def old(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Forget holds that ended before an instant."""
    return await run(connection, _OLD, before=before, limit=limit)
