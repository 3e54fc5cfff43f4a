"""Consent taken back: what offers the person has waiting on the channel are stopped in the transaction that records it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import LONGS, TEXTS, run, sql

# A message with another channel to fall back on is the valve's to decide. So is what the valve holds at this moment: it is judged
# by the consent again before it goes, and not waited for here.
_STOP = sql(
    """WITH offered AS MATERIALIZED (
         SELECT m.id, m.channel FROM unnest(:people, :channels) AS v(person, channel)
         JOIN messages m ON m.person_id = v.person AND m.channel = v.channel AND m.status IN ('queued', 'deferred')
         WHERE m.category = ANY(:offers) AND m.fallback = '{}' FOR UPDATE OF m SKIP LOCKED)
       UPDATE messages m SET status = 'suppressed', reason = 'opted_out:' || o.channel, settled_at = :now, next_attempt_at = NULL,
              trail = m.trail || jsonb_build_array(jsonb_build_object(
                'at', CAST(:now AS timestamptz), 'is', 'suppressed', 'why', 'opted_out:' || o.channel))
       FROM offered o WHERE m.id = o.id AND m.status IN ('queued', 'deferred')""",
    people=LONGS,
    channels=TEXTS,
    offers=TEXTS,
)


async def stop_offers(connection: AsyncConnection, people: Sequence[tuple[int, str]], offers: Sequence[str], now: datetime) -> int:
    """(person id, channel) each; offers: categories that need consent. How many messages will not go."""
    if not people or not offers:
        return 0
    ids, channels = (list(column) for column in zip(*people, strict=True))
    return await run(connection, _STOP, people=ids, channels=channels, offers=list(offers), now=now)
