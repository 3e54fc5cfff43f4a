"""Escalation: who did not answer a message by its first channel gets it by a second one; see `then` in docs/configuration.md."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import LONGS, TEXTS, rows, run, sql

# What is an answer whatever the campaign waits for; what a person writes back by the channel is one to all that came before it.
WORDS = ("replied", "opted_out", "complained")
_SAID = f"i.kind IN {WORDS}"
ANSWERED: str = f"""(
      {{unless}} = 'delivered' AND {{first}}.delivered_at IS NOT NULL
   OR {{unless}} IN ('delivered', 'read') AND {{first}}.read_at IS NOT NULL
   OR EXISTS (SELECT FROM interactions i WHERE i.message_id = {{first}}.id AND (i.kind = 'clicked' OR {_SAID}))
   OR EXISTS (SELECT FROM interactions i WHERE i.person_id = {{first}}.person_id AND i.channel = {{first}}.channel
              AND {_SAID} AND i.at >= date_trunc('second', {{first}}.sent_at)))"""
# Of a message that follows another, `m` here: whether there was an answer in the meantime.
MEANWHILE = f"""EXISTS (SELECT FROM messages f JOIN runs e ON e.id = f.run_id
                 WHERE f.id = m.follows_id AND {ANSWERED.format(unless="e.escalation ->> 'unless'", first="f")})"""

# Each message once: it is no longer open in the transaction that lets another follow it. It keeps to its channel from then on.
_FOLLOW = sql(
    f"""WITH due AS MATERIALIZED (
         SELECT f.*, e.then_by, e.unless FROM (
           SELECT id, escalation ->> 'channel' AS then_by, escalation ->> 'unless' AS unless,
                  CAST(:now AS timestamptz) - make_interval(secs => CAST(escalation ->> 'after' AS double precision)) AS before
           FROM runs WHERE status = 'active' AND escalation IS NOT NULL AND campaign = ANY(:campaigns)) e
         CROSS JOIN LATERAL (
           SELECT m.id, m.run_id, m.person_id, m.event_ref, m.channel, m.category, m.topic, m.variant, m.window_key, m.queued_at,
                  m.queue_until, m.expires_at, m.sent_at, m.delivered_at, m.read_at
           FROM messages m WHERE m.run_id = e.id AND m.escalates AND m.status IN ('sent', 'delivered', 'read', 'unknown')
                             AND m.sent_at <= e.before ORDER BY m.sent_at LIMIT :limit FOR UPDATE SKIP LOCKED) f),
       closed AS (UPDATE messages m SET escalates = false, fallback = '{{}}' FROM due WHERE m.id = due.id AND m.escalates RETURNING m.id),
       followed AS (
         INSERT INTO messages (run_id, person_id, event_ref, channel, category, topic, variant, window_key, status, queued_at, expires_at,
                               queue_until, follows_id)
         SELECT f.run_id, f.person_id, f.event_ref, f.then_by, f.category, f.topic, f.variant, f.window_key, 'queued', :now, f.expires_at,
                CAST(:now AS timestamptz) + (f.queue_until - f.queued_at), f.id
         FROM due f JOIN closed ON closed.id = f.id
         WHERE f.channel <> f.then_by AND f.expires_at > :now AND NOT {ANSWERED.format(unless="f.unless", first="f")}
         ON CONFLICT DO NOTHING RETURNING run_id),
       counted AS (
         UPDATE runs r SET messages = r.messages + n.n
         FROM (SELECT run_id, count(*) AS n FROM followed GROUP BY run_id) n WHERE r.id = n.run_id RETURNING r.id)
       SELECT (SELECT count(*) FROM closed) AS closed, (SELECT count(*) FROM followed) AS followed""",
    campaigns=TEXTS,
)
# What the valve holds at this moment is asked once more when it is claimed.
_WITHDRAW = sql(
    f"""WITH waiting AS MATERIALIZED (
         SELECT m.id FROM messages m WHERE m.status IN ('queued', 'deferred') AND {MEANWHILE} AND m.id IN (
           SELECT id FROM messages WHERE follows_id = ANY(:ids)
           UNION ALL SELECT id FROM messages WHERE person_id = ANY(:people) AND follows_id IS NOT NULL AND status IN ('queued', 'deferred'))
         FOR UPDATE OF m SKIP LOCKED)
       UPDATE messages m SET status = 'suppressed', reason = 'answered:' || m.follows_id, settled_at = :now, next_attempt_at = NULL,
              trail = m.trail || jsonb_build_array(jsonb_build_object(
                'at', CAST(:now AS timestamptz), 'is', 'suppressed', 'why', 'answered:' || m.follows_id))
       FROM waiting WHERE m.id = waiting.id AND m.status IN ('queued', 'deferred')""",
    ids=LONGS,
    people=LONGS,
)
_EXPECTED = sql("SELECT EXISTS (SELECT FROM runs WHERE status = 'active' AND escalation IS NOT NULL) AS there")
_GIVE_UP = sql("UPDATE messages SET escalates = false WHERE run_id = :run AND escalates")


async def follow(connection: AsyncConnection, campaigns: Collection[str], now: datetime, limit: int) -> tuple[int, int]:
    """Let another message follow each that had no answer in time, up to `limit` a run: (how many were looked at, how many follow).

    campaigns: those that are still configured
    """
    found = (await rows(connection, _FOLLOW, campaigns=list(campaigns), now=now, limit=limit))[0]
    return int(found.closed), int(found.followed)


async def withdraw(connection: AsyncConnection, first: Sequence[int | None], people: Sequence[int | None], now: datetime) -> int:
    """What waits to follow one of these messages, or goes to one of these people, and is not wanted any more will not go; how many."""
    return await run(connection, _WITHDRAW, ids=list(first), people=list(people), now=now)


async def give_up(connection: AsyncConnection, run_id: int) -> None:
    """Nothing follows the messages of this run any more."""
    await run(connection, _GIVE_UP, run=run_id)


async def expected(connection: AsyncConnection) -> bool:
    """Whether any run under way lets a message follow another."""
    return bool((await rows(connection, _EXPECTED))[0].there)
