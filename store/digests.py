"""Messages that go inside another one, their carrier. The carrier's row lock is what these statements meet on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from store import rekey
from store.messages import CANDIDATE
from store.statements import LONGS, TEXTS, rows, run, sql

# A change of rules or people is looked at once more after five minutes: what was merged longer may come back with an old window key.
_KEYS_HOLD = timedelta(minutes=4)

_CARRIES = "EXISTS (SELECT FROM messages k WHERE k.carrier_id = m.id AND k.status = 'merged')"
_WORDED = sql(
    f"""SELECT m.id, m.category, m.variant, r.campaign, r.version_id, m.attempts > 0 OR m.follows_id IS NOT NULL OR {_CARRIES} AS apart
        FROM unnest(:ids) AS wanted(id) JOIN messages m ON m.id = wanted.id JOIN runs r ON r.id = m.run_id""",
    ids=LONGS,
)
_MERGE = sql(
    f"""UPDATE messages m SET status = 'merged', carrier_id = v.carrier, channel = v.channel, reason = 'digest:' || v.carrier,
               fallback = array_remove(m.fallback, v.channel), next_attempt_at = NULL, chunk_id = NULL, released_at = NULL,
               trail = m.trail || jsonb_build_array(jsonb_build_object(
                 'at', CAST(:now AS timestamptz), 'is', 'merged', 'why', 'digest:' || v.carrier))
        FROM unnest(:ids, :carriers, :channels) AS v(id, carrier, channel) JOIN messages c ON c.id = v.carrier AND c.status = 'released'
        WHERE m.id = v.id AND m.status IN ('queued', 'deferred') AND NOT {_CARRIES}""",
    ids=LONGS,
    carriers=LONGS,
    channels=TEXTS,
)
# What changed since the merge is looked at once more, as at every claim: expired by now, or of a campaign that is paused.
_CARRIED = sql(
    """SELECT m.id, m.carrier_id, m.variant, r.campaign, r.version_id, r.data AS run_data, e.data AS event_data,
              m.expires_at > :now AND NOT EXISTS (SELECT FROM pauses q WHERE coalesce(q.channel, m.channel) = m.channel
                                                                         AND coalesce(q.campaign, r.campaign) = r.campaign) AS wanted
       FROM unnest(:carriers) AS claimed(id) JOIN messages m ON m.carrier_id = claimed.id AND m.status = 'merged'
       JOIN runs r ON r.id = m.run_id LEFT JOIN events e ON e.id = m.event_ref
       ORDER BY m.carrier_id, m.expires_at, m.run_id, m.id""",
    carriers=LONGS,
)
_ABOARD = sql(
    f"""SELECT {CANDIDATE}, m.carrier_id, c.attempts > 0 AS tried, r.campaign
        FROM unnest(:carriers) AS released(id) JOIN messages c ON c.id = released.id
        JOIN messages m ON m.carrier_id = c.id AND m.status = 'merged' JOIN runs r ON r.id = m.run_id
        ORDER BY m.carrier_id, m.expires_at, m.run_id, m.id""",
    carriers=LONGS,
)
_PUT_BACK = sql(
    """WITH back AS (
         UPDATE messages m SET status = 'queued', carrier_id = NULL, reason = 'not_carried:' || m.carrier_id, settled_at = NULL,
                trail = m.trail || jsonb_build_array(jsonb_build_object(
                  'at', CAST(:now AS timestamptz), 'is', 'put_back', 'why', 'not_carried:' || m.carrier_id))
         FROM unnest(:ids) AS v(id) WHERE m.id = v.id AND m.status = 'merged'
         RETURNING m.id, m.run_id, CAST(m.trail -> -2 ->> 'at' AS timestamptz) AS merged_at),
       reopened AS (
         UPDATE runs SET status = 'active', finished_at = NULL
         WHERE id IN (SELECT run_id FROM back) AND status = 'finished' RETURNING id)
       SELECT count(*) AS n, min(merged_at) AS since FROM back""",
    ids=LONGS,
)
# An open merge is one whose carrier is still on its way. The partial index holds no others, so that years of digests cost nothing.
_OPEN = "m.status = 'merged' AND m.settled_at IS NULL"
# Asked for first: the planner takes merges for as many as there ever were, and would read the whole table to join them.
_LOADED_NOW = sql(f"SELECT DISTINCT carrier_id FROM messages m WHERE {_OPEN}")
# A pause of the carrier's campaign is none of what it carries.
_STRANDED = sql(
    f"""SELECT m.id FROM unnest(:carriers) AS open(id) JOIN messages c ON c.id = open.id JOIN runs r ON r.id = c.run_id
        JOIN messages m ON m.carrier_id = c.id AND {_OPEN}
        WHERE (c.status IN ('failed', 'expired', 'suppressed', 'cancelled') OR c.status IN ('queued', 'deferred')
              AND EXISTS (SELECT FROM pauses q WHERE q.campaign = r.campaign AND coalesce(q.channel, c.channel) = c.channel))
        ORDER BY m.id LIMIT :limit FOR UPDATE OF m, c SKIP LOCKED""",
    carriers=LONGS,
)
_GONE = sql(
    f"""UPDATE messages m SET settled_at = coalesce(c.sent_at, :now) FROM unnest(:carriers) AS open(id) JOIN messages c ON c.id = open.id
        WHERE m.carrier_id = c.id AND {_OPEN} AND c.status IN ('sent', 'delivered', 'read', 'unknown')""",
    carriers=LONGS,
)
_REFUSED_LATE = sql(
    """SELECT m.id FROM unnest(:carriers) AS told(id) JOIN messages c ON c.id = told.id AND c.status = 'failed'
       JOIN messages m ON m.carrier_id = c.id AND m.status = 'merged' ORDER BY m.id FOR UPDATE OF m""",
    carriers=LONGS,
)

_LOADED = sql(
    f"""SELECT m.id FROM messages m JOIN messages c ON c.id = m.carrier_id AND c.status IN ('queued', 'deferred')
        WHERE m.run_id = :run AND {_OPEN} ORDER BY m.id FOR UPDATE OF m, c SKIP LOCKED"""
)


async def worded(connection: AsyncConnection, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """(id, category, variant, campaign, version_id, apart) of messages. apart: it carries others, or was tried before."""
    return await rows(connection, _WORDED, ids=list(ids))


async def merge(connection: AsyncConnection, merged: Sequence[tuple[int, int, str]], now: datetime) -> int:
    """(message, carrier, channel) each, in the transaction that released the carriers; returns how many are merged."""
    if not merged:
        return 0
    ids, carriers, channels = (list(column) for column in zip(*merged, strict=True))
    return await run(connection, _MERGE, ids=ids, carriers=carriers, channels=channels, now=now)


async def carried(connection: AsyncConnection, carriers: Sequence[int], now: datetime) -> Sequence[Row[Any]]:
    """What these carry, by carrier in order of rank: (id, carrier_id, variant, campaign, version_id, run_data, event_data, wanted)."""
    return await rows(connection, _CARRIED, carriers=list(carriers), now=now)


async def aboard(connection: AsyncConnection, carriers: Sequence[int]) -> Sequence[Row[Any]]:
    """What these carry, as store.messages.of_people, with carrier_id, campaign, and whether the carrier was tried before."""
    return await rows(connection, _ABOARD, carriers=list(carriers))


async def put_back(connection: AsyncConnection, ids: Sequence[int], now: datetime) -> int:
    """These are not carried after all and wait again, for every rule; runs that were finished are active again."""
    if not ids:
        return 0
    found = (await rows(connection, _PUT_BACK, ids=list(ids), now=now))[0]
    if found.since is not None and found.since < now - _KEYS_HOLD:
        await rekey.ask(connection, now)
    return int(found.n)


async def follow(connection: AsyncConnection, now: datetime, limit: int) -> int:
    """Merges whose carrier has gone are closed; those whose carrier never will are put back, up to `limit`: returns how many."""
    carriers = [row.carrier_id for row in await rows(connection, _LOADED_NOW)]
    if not carriers:
        return 0
    await run(connection, _GONE, carriers=carriers, now=now)
    return await put_back(connection, [row.id for row in await rows(connection, _STRANDED, carriers=carriers, limit=limit)], now)


async def refused_late(connection: AsyncConnection, carriers: Sequence[int], now: datetime) -> int:
    """A provider says after all that it could not deliver these: what they carried is put back."""
    found = await rows(connection, _REFUSED_LATE, carriers=list(carriers)) if carriers else ()
    return await put_back(connection, [row.id for row in found], now)


async def unload(connection: AsyncConnection, run_id: int, now: datetime) -> int:
    """What of a run is merged into a message that still waits is put back, so that it can be withdrawn."""
    return await put_back(connection, [row.id for row in await rows(connection, _LOADED, run=run_id)], now)
