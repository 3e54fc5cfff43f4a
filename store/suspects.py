"""Addresses that a provider says nobody is at: once may be a phone that is off, several times on several days is dead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import LONGS, TEXTS, rows, run, sql

TIMES_SEEN = 3  # different messages
APART = timedelta(hours=48)  # from the first to the last, so that they are of three days
MEMORY = timedelta(days=60)

_NOTE = sql(
    """INSERT INTO suspicions (address_id, message_id, at, code)
       SELECT address_id, message_id, :now, code FROM unnest(:addresses, :messages, :codes) AS v(address_id, message_id, code)
       WHERE EXISTS (SELECT FROM addresses a WHERE a.id = v.address_id) ON CONFLICT (address_id, message_id) DO NOTHING""",
    addresses=LONGS,
    messages=LONGS,
    codes=TEXTS,
)
# What arrived after a refusal proves that it was not the address.
_DEAD = sql(
    """SELECT s.address_id, max(s.code) AS code, string_agg(CAST(s.message_id AS text), ', ' ORDER BY s.at) AS messages
       FROM suspicions s JOIN addresses a ON a.id = s.address_id
       WHERE s.address_id = ANY(:addresses) AND s.at > :since
         AND NOT EXISTS (SELECT FROM messages m WHERE m.person_id = a.person_id AND m.channel = :channel
                         AND m.status IN ('delivered', 'read') AND m.delivered_at >= s.at)
       GROUP BY s.address_id
       HAVING count(*) >= :seen AND count(DISTINCT (s.at AT TIME ZONE 'UTC')::date) >= :seen AND max(s.at) - min(s.at) >= :apart""",
    addresses=LONGS,
)
_OLD = sql("DELETE FROM suspicions WHERE at < :before")


async def suspect(
    connection: AsyncConnection, channel: str, refused: Sequence[tuple[int, int, str]], now: datetime
) -> list[tuple[int, str, str]]:
    """(address id, message id, code) each, refused just now; returns (address id, code, evidence) of those to be dropped for it."""
    if not refused:
        return []
    addresses, messages, codes = (list(column) for column in zip(*refused, strict=True))
    await run(connection, _NOTE, addresses=addresses, messages=messages, codes=codes, now=now)
    found = await rows(connection, _DEAD, addresses=addresses, channel=channel, since=now - MEMORY, seen=TIMES_SEEN, apart=APART)
    return [(row.address_id, f"repeated:{row.code}", f"messages {row.messages}") for row in found]


async def old(connection: AsyncConnection, now: datetime) -> int:
    """Forget what is too long ago to count."""
    return await run(connection, _OLD, before=now - MEMORY)
