"""Messages as the valve sees them: candidates, what went before, its verdicts. Every UPDATE names the state it expects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import INTS, LONGS, TEXTS, TIMES, rows, run, sql

CONTACTS = "('released', 'sending', 'sent', 'delivered', 'read', 'unknown')"
# Not one of those, but an attempt may have reached the customer: it counts from then on, whatever it waits for or has come to.
IN_DOUBT = "{m}.doubted_at IS NOT NULL AND {m}.status IN ('queued', 'deferred', 'failed', 'expired', 'suppressed', 'cancelled')"

# Of the table at hand: a rehearsal on a copy neither waits for the real valve nor stops it.
_LOCK = sql("SELECT pg_try_advisory_xact_lock(hashtext('kabar.valve'), CAST(to_regclass('messages') AS oid)::int) AS won")
_WAKE = sql(
    """WITH due AS MATERIALIZED (SELECT id FROM messages WHERE status = 'deferred' AND next_attempt_at <= :now
                                 ORDER BY next_attempt_at LIMIT :limit FOR UPDATE SKIP LOCKED)
       UPDATE messages m SET status = 'queued', next_attempt_at = NULL FROM due WHERE m.id = due.id AND m.status = 'deferred'"""
)
# In order, by the index: what went long ago has expired too, and a plan that expects to meet many soon reads the whole table.
_EXPIRE = sql(
    """WITH late AS MATERIALIZED (SELECT id FROM messages WHERE status IN ('queued', 'deferred') AND expires_at <= :now
                                  ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED)
       UPDATE messages m SET status = 'expired', settled_at = :now, next_attempt_at = NULL,
              reason = CASE WHEN m.reason IS NULL THEN 'expired' ELSE 'expired_after:' || m.reason END
       FROM late WHERE m.id = late.id AND m.status IN ('queued', 'deferred')"""
)
CANDIDATE = "m.id, m.run_id, m.person_id, m.channel, m.fallback, m.category, m.topic, m.variant, m.window_key, m.expires_at"
CANDIDATE += ", m.queued_at, m.queue_until, m.next_attempt_at, m.attempts"
_QUEUED_FOR = sql(
    """SELECT m.person_id FROM unnest(:runs, :channels, :keys, :limits) AS k(run_id, channel, window_key, room)
        CROSS JOIN LATERAL (SELECT m.id, m.person_id FROM messages m WHERE m.run_id = k.run_id AND m.channel = k.channel
                            AND m.window_key = k.window_key AND m.status = 'queued' ORDER BY m.id LIMIT k.room) m""",
    runs=LONGS,
    channels=TEXTS,
    keys=TEXTS,
    limits=INTS,
)
# People come as a joined list: a generic plan would look through `= ANY(…)` one by one for every row of the table.
_OF_PEOPLE = sql(
    f"""SELECT {CANDIDATE}, m.status FROM unnest(:people) AS wanted(id)
        JOIN messages m ON m.person_id = wanted.id AND m.status IN ('queued', 'deferred')""",
    people=LONGS,
)
# What was let go and has not left yet will be heard from now on, however long ago that was decided.
_WHEN = "CASE WHEN {m}.status IN ('released', 'sending') THEN :now ELSE coalesce({m}.sent_at, {m}.released_at) END"
_HISTORY = sql(
    f"""SELECT m.person_id, m.id, m.run_id, m.channel, m.category, m.topic, {_WHEN.format(m="m")} AS at
        FROM unnest(:people) AS wanted(id)
        JOIN messages m ON m.person_id = wanted.id AND m.released_at >= :since AND m.status IN {CONTACTS}
        UNION ALL
        SELECT m.person_id, m.id, m.run_id, m.channel, m.category, m.topic, m.doubted_at
        FROM unnest(:people) AS wanted(id)
        JOIN messages m ON m.person_id = wanted.id AND m.doubted_at >= :since AND {IN_DOUBT.format(m="m")}""",
    people=LONGS,
)
_CARRIED = sql(
    f"""SELECT m.person_id, m.id, m.run_id, m.channel, m.category, m.topic, {_WHEN.format(m="c")} AS at, c.id AS inside
        FROM unnest(:people) AS wanted(id)
        JOIN messages c ON c.person_id = wanted.id AND c.released_at >= :since AND c.status IN {CONTACTS}
        JOIN messages m ON m.carrier_id = c.id AND m.status = 'merged'
        UNION ALL
        SELECT m.person_id, m.id, m.run_id, m.channel, m.category, m.topic, c.doubted_at, c.id
        FROM unnest(:people) AS wanted(id)
        JOIN messages c ON c.person_id = wanted.id AND c.doubted_at >= :since AND {IN_DOUBT.format(m="c")}
        JOIN messages m ON m.carrier_id = c.id AND m.status = 'merged'""",
    people=LONGS,
)
_OUTSTANDING = sql(
    """SELECT channel, count(*) AS n FROM messages WHERE status IN ('released', 'sending') AND chunk_id IS NOT NULL
       GROUP BY channel"""
)
_CHUNKS = sql("SELECT nextval('chunks') AS id FROM generate_series(1, :n)")
_TRAIL = (
    "jsonb_build_array(jsonb_strip_nulls(jsonb_build_object("
    "'at', CAST(:now AS timestamptz), 'is', {what}, 'why', {why}, 'until', {until})))"
)
_RELEASE = sql(
    f"""UPDATE messages m SET status = 'released', released_at = :now, channel = v.channel, chunk_id = v.chunk, rules_id = :rules,
               fallback = array_remove(m.fallback, v.channel), reason = NULL, next_attempt_at = NULL, sent_at = NULL,
               trail = m.trail || {_TRAIL.format(what="'released'", why="NULL", until="NULL")}
        FROM unnest(:ids, :channels, :chunks) AS v(id, channel, chunk) WHERE m.id = v.id AND m.status = 'queued'""",
    ids=LONGS,
    channels=TEXTS,
    chunks=LONGS,
)
_SET_ASIDE = sql(
    f"""UPDATE messages m SET status = 'failed', reason = v.reason, settled_at = :now, next_attempt_at = NULL,
               trail = m.trail || {_TRAIL.format(what="'failed'", why="v.reason", until="NULL")}
        FROM unnest(:people, :reasons) AS v(person_id, reason) WHERE m.person_id = v.person_id AND m.status IN ('queued', 'deferred')
        RETURNING m.id""",
    people=LONGS,
    reasons=TEXTS,
)
_MOVE = sql(
    """UPDATE messages m SET channel = v.channel, fallback = m.fallback[array_position(m.fallback, v.channel) + 1 :]
       FROM unnest(:ids, :channels) AS v(id, channel) WHERE m.id = v.id AND m.status = 'queued' AND v.channel = ANY(m.fallback)""",
    ids=LONGS,
    channels=TEXTS,
)
_DEFER = sql(
    f"""UPDATE messages m SET status = 'deferred', reason = v.reason, next_attempt_at = v.until,
               trail = m.trail || {_TRAIL.format(what="'deferred'", why="v.reason", until="v.until")}
        FROM unnest(:ids, :reasons, :untils) AS v(id, reason, until) WHERE m.id = v.id AND m.status = 'queued'""",
    ids=LONGS,
    reasons=TEXTS,
    untils=TIMES,
)
_SUPPRESS = sql(
    f"""UPDATE messages m SET status = 'suppressed', reason = v.reason, settled_at = :now,
               trail = m.trail || {_TRAIL.format(what="'suppressed'", why="v.reason", until="NULL")}
        FROM unnest(:ids, :reasons) AS v(id, reason) WHERE m.id = v.id AND m.status = 'queued'""",
    ids=LONGS,
    reasons=TEXTS,
)
_ENQUEUE = sql(
    """SELECT procrastinate_defer_jobs_v1(ARRAY(
         SELECT ROW(v.queue, 'dispatch', v.priority, NULL, 'chunk:' || v.chunk,
                    jsonb_build_object('chunk', v.chunk, 'channel', v.channel, 'urgent', v.queue <> v.channel),
                    NULL)::procrastinate_job_to_defer_v1
         FROM unnest(:chunks, :channels, :priorities, :queues) AS v(chunk, channel, priority, queue)))""",
    chunks=LONGS,
    channels=TEXTS,
    priorities=INTS,
    queues=TEXTS,
)
_CANCEL = sql(
    """UPDATE messages SET status = 'cancelled', reason = :reason, settled_at = :now, next_attempt_at = NULL
       WHERE run_id = :run AND status IN ('queued', 'deferred')"""
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Up to 250 released messages of one channel: one job. urgent: all of them are important."""

    id: int
    channel: str
    priority: int
    urgent: bool = False

    @property
    def queue(self) -> str:
        return urgent_queue(self.channel) if self.urgent else self.channel


def urgent_queue(channel: str) -> str:
    """Where its important chunks wait, for the hands that every worker keeps free for them."""
    return f"urgent:{channel}"


async def valve_lock(connection: AsyncConnection) -> bool:
    """True for the one valve that works; held until the transaction ends."""
    return bool((await rows(connection, _LOCK))[0].won)


async def wake(connection: AsyncConnection, now: datetime, limit: int) -> int:
    """Deferred messages whose time has come are queued again."""
    return await run(connection, _WAKE, now=now, limit=limit)


async def expire(connection: AsyncConnection, now: datetime, limit: int) -> int:
    """Waiting messages that are worthless by now."""
    return await run(connection, _EXPIRE, now=now, limit=limit)


async def queued_for(connection: AsyncConnection, slots: Sequence[tuple[int, str, str, int]]) -> list[int]:
    """The person of each queued message of (run, channel, window key, at most so many), each slot by an index range of its own."""
    runs, channels, keys, limits = (list(column) for column in zip(*slots, strict=True))
    found = await rows(connection, _QUEUED_FOR, runs=runs, channels=channels, keys=keys, limits=limits)
    return [row.person_id for row in found]


async def of_people(connection: AsyncConnection, people: list[int]) -> Sequence[Row[Any]]:
    """Everything these people have waiting: queued and deferred."""
    return await rows(connection, _OF_PEOPLE, people=people)


async def history(connection: AsyncConnection, people: list[int], since: datetime, now: datetime) -> Sequence[Row[Any]]:
    """(person_id, id, run_id, channel, category, topic, at) of what counts against new messages."""
    return await rows(connection, _HISTORY, people=people, since=since, now=now)


async def carried(connection: AsyncConnection, people: list[int], since: datetime, now: datetime) -> Sequence[Row[Any]]:
    """As history, and the message it is inside of: what went inside one of those messages."""
    return await rows(connection, _CARRIED, people=people, since=since, now=now)


async def outstanding(connection: AsyncConnection) -> dict[str, int]:
    """Released and sending messages of each channel."""
    return {row.channel: row.n for row in await rows(connection, _OUTSTANDING)}


async def new_chunks(connection: AsyncConnection, n: int) -> list[int]:
    return [row.id for row in await rows(connection, _CHUNKS, n=n)]


async def release(
    connection: AsyncConnection, ids: list[int], channels: list[str], chunks: list[int], *, rules_id: int, now: datetime
) -> int:
    return await run(connection, _RELEASE, ids=ids, channels=channels, chunks=chunks, rules=rules_id, now=now)


async def move(connection: AsyncConnection, ids: list[int], channels: list[str]) -> int:
    """Wait for another of its channels; those before it are given up."""
    return await run(connection, _MOVE, ids=ids, channels=channels)


async def defer(connection: AsyncConnection, ids: list[int], reasons: list[str], untils: list[datetime], *, now: datetime) -> int:
    return await run(connection, _DEFER, ids=ids, reasons=reasons, untils=untils, now=now)


async def set_aside(connection: AsyncConnection, people: list[int], reasons: list[str], *, now: datetime) -> list[int]:
    """Whatever these people have waiting is a dead letter, each person's for its own reason; returns the messages."""
    return [row.id for row in await rows(connection, _SET_ASIDE, people=people, reasons=reasons, now=now)]


async def suppress(connection: AsyncConnection, ids: list[int], reasons: list[str], *, now: datetime) -> int:
    return await run(connection, _SUPPRESS, ids=ids, reasons=reasons, now=now)


async def enqueue(connection: AsyncConnection, chunks: Sequence[Chunk]) -> None:
    """One procrastinate job per chunk, in the transaction that released its messages."""
    await connection.execute(
        _ENQUEUE,
        {
            "chunks": [chunk.id for chunk in chunks],
            "channels": [chunk.channel for chunk in chunks],
            "priorities": [chunk.priority for chunk in chunks],
            "queues": [chunk.queue for chunk in chunks],
        },
    )


async def cancel(connection: AsyncConnection, run_id: int, reason: str, now: datetime) -> int:
    """Withdraw what of a run still waits."""
    return await run(connection, _CANCEL, run=run_id, reason=reason, now=now)
