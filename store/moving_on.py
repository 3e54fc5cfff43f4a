"""Moving on: a message of `first: [whatsapp, email]` that was refused because nobody is there takes the next of its channels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from store import digests, rekey
from store.statements import INTS, LONGS, TEXTS, TIMES, rows, run, sql

# What was on its way for longer may have been left out when window keys were looked at again; see store/digests.py.
_KEYS_HOLD = timedelta(minutes=4)

# As refused, in the same transaction. What may have gone out by the channel it leaves (a send that was repeated) stays there.
_MOVE_ON = sql(
    """WITH refused AS MATERIALIZED (
         SELECT m.id, m.released_at FROM unnest(:ids, :fences) AS v(id, fence) JOIN messages m ON m.id = v.id AND m.fence = v.fence
         WHERE m.status = 'failed' AND m.fallback <> '{}' AND m.expires_at > :now AND NOT m.maybe_duplicate FOR UPDATE OF m),
       moved AS (
         UPDATE messages m SET status = 'queued', channel = m.fallback[1], fallback = m.fallback[2:],
                reason = concat_ws(':', 'moved_on', m.channel, m.reason), attempts = 0, queue_until = NULL, provider_id = NULL,
                chunk_id = NULL, released_at = NULL, sent_at = NULL, settled_at = NULL, next_attempt_at = NULL,
                trail = m.trail || jsonb_build_array(jsonb_build_object('at', CAST(:now AS timestamptz), 'is', 'moved_on',
                  'why', concat_ws(':', 'moved_on', m.channel, m.reason), 'to', m.fallback[1]))
         FROM refused WHERE m.id = refused.id AND m.status = 'failed' RETURNING m.id, m.run_id, m.channel, refused.released_at),
       reopened AS (
         UPDATE runs SET status = 'active', finished_at = NULL
         WHERE id IN (SELECT run_id FROM moved) AND status = 'finished' RETURNING id)
       SELECT id, channel, released_at FROM moved ORDER BY id""",
    ids=LONGS,
    fences=INTS,
)

# It did arrive, says another receipt of the channel it left, and it waits for the next one still: it goes back to where it was.
_ARRIVED = sql(
    """WITH told AS (SELECT id, channel, min(at) AS delivered, min(at) FILTER (WHERE kind IN ('read', 'clicked')) AS read
                     FROM unnest(:ids, :kinds, :ats, :channels) AS v(id, kind, at, channel)
                     WHERE kind IN ('delivered', 'read', 'clicked', 'dismissed') AND channel IS NOT NULL GROUP BY id, channel)
       UPDATE messages m SET status = CASE WHEN told.read IS NOT NULL THEN 'read' ELSE 'delivered' END, channel = told.channel,
              fallback = '{}', reason = 'confirmed_by_receipt', next_attempt_at = NULL, delivered_at = told.delivered, read_at = told.read,
              released_at = went.released_at, sent_at = went.sent_at, settled_at = :now
       FROM told CROSS JOIN LATERAL (
         SELECT (SELECT max(CAST(t ->> 'at' AS timestamptz)) FROM jsonb_array_elements(o.trail) t
                 WHERE t ->> 'is' = 'released') AS released_at,
                (SELECT max(a.at) FROM attempts a WHERE a.message_id = o.id AND a.outcome IN ('sent', 'unknown')) AS sent_at
         FROM messages o WHERE o.id = told.id AND EXISTS (
           SELECT FROM jsonb_array_elements(o.trail) t
           WHERE t ->> 'is' = 'moved_on' AND starts_with(t ->> 'why', 'moved_on:' || told.channel || ':'))) went
       WHERE m.id = told.id AND m.channel <> told.channel AND went.sent_at IS NOT NULL AND m.status IN ('queued', 'deferred')""",
    ids=LONGS,
    kinds=TEXTS,
    ats=TIMES,
    channels=TEXTS,
)
# Released, not claimed yet. The fence is left alone: nobody holds it.
_TURN_BACK = sql(
    """WITH offered AS MATERIALIZED (
         SELECT m.id FROM unnest(:people, :channels) AS v(person, channel)
         JOIN messages m ON m.person_id = v.person AND m.channel = v.channel AND m.status = 'released'
         WHERE m.category = ANY(:offers) AND m.fallback <> '{}' AND NOT m.maybe_duplicate FOR UPDATE OF m SKIP LOCKED)
       UPDATE messages m SET status = 'queued', channel = m.fallback[1], fallback = m.fallback[2:],
              reason = concat_ws(':', 'moved_on', m.channel, 'opted_out'), chunk_id = NULL, released_at = NULL,
              trail = m.trail || jsonb_build_array(jsonb_build_object('at', CAST(:now AS timestamptz), 'is', 'moved_on',
                'why', concat_ws(':', 'moved_on', m.channel, 'opted_out'), 'to', m.fallback[1]))
       FROM offered WHERE m.id = offered.id AND m.status = 'released'""",
    people=LONGS,
    channels=TEXTS,
    offers=TEXTS,
)


async def move_on(connection: AsyncConnection, refused: Sequence[tuple[int, int]], now: datetime) -> dict[int, str]:
    """(message id, fence) of what failed in this transaction; returns {message id: channel} of those that wait for another now.

    What they carried by the old channel is put back, and runs that were finished are active again.
    """
    if not refused:
        return {}
    ids, fences = (list(column) for column in zip(*refused, strict=True))
    await digests.refused_late(connection, ids, now)
    found = await rows(connection, _MOVE_ON, ids=ids, fences=fences, now=now)
    if any(row.released_at is None or row.released_at < now - _KEYS_HOLD for row in found):
        await rekey.ask(connection, now)
    return {row.id: row.channel for row in found}


async def arrived(connection: AsyncConnection, told: Sequence[tuple[int | None, str, datetime, str | None]], now: datetime) -> int:
    """(message id, kind of receipt, when, channel) each: what waits for another channel, and got there by this one, waits no more."""
    if not told:
        return 0
    ids, kinds, ats, channels = (list(column) for column in zip(*told, strict=True))
    return await run(connection, _ARRIVED, ids=ids, kinds=kinds, ats=ats, channels=channels, now=now)


async def turn_back(connection: AsyncConnection, people: Sequence[tuple[int, str]], offers: Sequence[str], now: datetime) -> int:
    """(person id, channel) each that opted out: offers that were about to leave by the channel wait for their next one. How many."""
    if not people or not offers:
        return 0
    ids, channels = (list(column) for column in zip(*people, strict=True))
    return await run(connection, _TURN_BACK, people=ids, channels=channels, offers=list(offers), now=now)
