"""Messages in the hands of dispatch: claim, settle, hand back, and the sweeping up after a worker that died."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from store.escalation import MEANWHILE
from store.statements import INTS, LONGS, TEXTS, TIMES, rows, run, sql
from store.suppressed import refused, usable

# A release is for now: seconds' worth of work is let go ahead. By then windows, gaps and caps may be others.
STALE = timedelta(minutes=2)
_STOPPED = "EXISTS (SELECT FROM stopped_platforms s WHERE s.channel = c.channel AND s.platform = a.platform)"
# Claimed and committed, with lease and fencing token, before the first byte leaves. What changed since the release is
# looked at here once more: paused messages are left alone; expired ones, offers to people who opted out, and what follows a
# message that was answered meanwhile are set aside. What lay released for too long is judged anew.
_CLAIM = sql(
    f"""WITH picked AS MATERIALIZED (
         SELECT m.id, CASE WHEN m.expires_at <= :now THEN 'expired'
                           WHEN m.category = ANY(:offers) AND {refused("m.person_id", "m.channel")} THEN 'opted_out'
                           WHEN m.follows_id IS NOT NULL AND {MEANWHILE} THEN 'answered:' || m.follows_id
                           WHEN m.released_at < :stale THEN 'stale' END AS word
         FROM messages m WHERE m.chunk_id = :chunk AND m.status = 'released'
           AND NOT EXISTS (SELECT FROM pauses q JOIN runs r ON r.id = m.run_id
                           WHERE coalesce(q.channel, m.channel) = m.channel AND coalesce(q.campaign, r.campaign) = r.campaign)
         ORDER BY m.id LIMIT :limit FOR UPDATE SKIP LOCKED),
       claimed AS (
         UPDATE messages m SET
           status = CASE WHEN p.word IS NULL THEN 'sending' WHEN p.word = 'expired' THEN 'expired' WHEN p.word = 'stale' THEN 'queued'
                         ELSE 'suppressed' END,
           reason = nullif(p.word, 'stale'), settled_at = CASE WHEN p.word <> 'stale' THEN CAST(:now AS timestamptz) END,
           lease_until = CASE WHEN p.word = 'stale' THEN NULL ELSE CAST(:lease_until AS timestamptz) END, fence = m.fence + 1,
           attempts = m.attempts + CASE WHEN p.word = 'stale' THEN 0 ELSE 1 END,
           chunk_id = CASE WHEN p.word = 'stale' THEN NULL ELSE m.chunk_id END,
           released_at = CASE WHEN p.word = 'stale' THEN NULL ELSE m.released_at END
         FROM picked p
         WHERE m.id = p.id AND m.status = 'released'
         RETURNING m.id, m.run_id, m.person_id, m.event_ref, m.channel, m.category, m.variant, m.status, m.fence, m.attempts,
                   m.expires_at, m.maybe_duplicate, m.doubted_at)
       SELECT c.*, p.customer_no, p.name, p.locale, p.attributes, r.campaign, r.version_id, r.priority, r.data AS run_data,
              e.data AS event_data,
              coalesce((SELECT jsonb_agg(jsonb_build_array(a.id, a.kind, a.value, a.platform) ORDER BY a.id) FROM addresses a
                        WHERE a.person_id = c.person_id AND a.sort = :sort AND {usable("a")} AND NOT {_STOPPED}), '[]') AS addresses,
              EXISTS (SELECT FROM addresses a WHERE a.person_id = c.person_id AND a.sort = :sort AND {usable("a")} AND {_STOPPED})
                AS held_back
       FROM claimed c JOIN people p ON p.id = c.person_id JOIN runs r ON r.id = c.run_id
       LEFT JOIN events e ON e.id = c.event_ref ORDER BY c.id""",
    offers=TEXTS,
)
# Whose lease lapsed while its sender lived on is in doubt no more when that knows that it went.
_SETTLE = sql(
    """UPDATE messages m SET status = v.status, reason = v.reason, provider_id = coalesce(v.provider_id, m.provider_id),
              sent_at = CASE WHEN v.status IN ('sent', 'unknown') THEN v.at END,
              settled_at = CASE WHEN v.status = 'deferred' THEN NULL ELSE v.at END,
              next_attempt_at = v.next_attempt_at, lease_until = NULL, attempts = m.attempts - v.uncounted,
              maybe_duplicate = m.maybe_duplicate OR v.doubtful,
              fallback = CASE WHEN v.status = 'deferred' AND (v.doubtful OR v.doubted) THEN '{}' ELSE m.fallback END,
              doubted_at = CASE WHEN v.status = 'sent' THEN NULL WHEN v.doubted THEN v.at ELSE m.doubted_at END,
              trail = CASE WHEN v.status = 'deferred' THEN m.trail || jsonb_build_array(jsonb_build_object(
                        'at', v.at, 'is', 'deferred', 'why', v.reason, 'until', v.next_attempt_at)) ELSE m.trail END
       FROM unnest(:ids, :fences, :statuses, :reasons, :provider_ids, :ats, :next_attempts, :uncounted, :doubtful, :doubted)
            AS v(id, fence, status, reason, provider_id, at, next_attempt_at, uncounted, doubtful, doubted)
       WHERE m.id = v.id AND m.fence = v.fence + CASE m.status WHEN 'unknown' THEN 1 ELSE 0 END
         AND (m.status <> 'unknown' OR m.reason = 'lease_lapsed' AND v.status = 'sent') AND m.status IN ('sending', 'unknown')
       RETURNING m.id""",
    ids=LONGS,
    fences=INTS,
    statuses=TEXTS,
    reasons=TEXTS,
    provider_ids=TEXTS,
    ats=TIMES,
    next_attempts=TIMES,
    uncounted=INTS,
)
_ATTEMPTS = sql(
    """INSERT INTO attempts (message_id, address_id, at, outcome, code, provider_id, account)
       SELECT v.* FROM unnest(:messages, :addresses, :ats, :outcomes, :codes, :provider_ids, :accounts)
                  AS v(message_id, address_id, at, outcome, code, provider_id, account)
       WHERE NOT EXISTS (SELECT FROM attempts a WHERE a.message_id = v.message_id AND a.at = v.at
                         AND a.address_id IS NOT DISTINCT FROM v.address_id)""",
    messages=LONGS,
    addresses=LONGS,
    ats=TIMES,
    outcomes=TEXTS,
    codes=TEXTS,
    provider_ids=TEXTS,
    accounts=TEXTS,
)
_HAND_BACK = sql(
    "UPDATE messages SET status = 'queued', chunk_id = NULL, released_at = NULL WHERE chunk_id = :chunk AND status = 'released'"
)
_NUDGE_LOCK = sql("SELECT pg_try_advisory_xact_lock(hashtext('kabar.nudge')) AS won")
# What is sent again may have gone out, and keeps to the channel it went by.
_LAPSED = sql(
    """WITH lapsed AS MATERIALIZED (SELECT id FROM messages WHERE status = 'sending' AND lease_until < :now
                                    ORDER BY lease_until LIMIT :limit FOR UPDATE SKIP LOCKED)
       UPDATE messages m SET fence = m.fence + 1, lease_until = NULL,
              status = CASE WHEN NOT (m.channel = ANY(:safe) OR m.category = ANY(:resend)) THEN 'unknown'
                            WHEN m.attempts >= :tries THEN 'failed' ELSE 'queued' END,
              sent_at = CASE WHEN m.channel = ANY(:safe) OR m.category = ANY(:resend) THEN NULL ELSE m.released_at END,
              settled_at = CASE WHEN m.attempts < :tries AND (m.channel = ANY(:safe) OR m.category = ANY(:resend)) THEN NULL
                                ELSE CAST(:now AS timestamptz) END,
              reason = 'lease_lapsed', doubted_at = :now,
              fallback = CASE WHEN m.channel = ANY(:safe) OR m.category = ANY(:resend) THEN '{}' ELSE m.fallback END,
              maybe_duplicate = m.maybe_duplicate OR (m.category = ANY(:resend) AND NOT m.channel = ANY(:safe))
       FROM lapsed WHERE m.id = lapsed.id AND m.status = 'sending' RETURNING m.id, m.status""",
    safe=TEXTS,
    resend=TEXTS,
)
_EXPIRE_RELEASED = sql(
    """UPDATE messages SET status = 'expired', reason = 'expired_released', settled_at = :now
       WHERE status = 'released' AND chunk_id IS NOT NULL AND expires_at <= :now"""
)
# A job at work has messages in hand, but for an instant between two blocks. One without was fetched by a worker that never heard of it
# (the answer was lost on the way), or by one that is dead; another job beside a living one does no harm.
_ORPHANS = sql(
    """SELECT m.chunk_id AS id, m.channel, max(r.priority) AS priority FROM messages m JOIN runs r ON r.id = m.run_id
       WHERE m.status = 'released' AND m.chunk_id IS NOT NULL AND m.released_at < :now - CAST(:grace AS interval)
         AND NOT EXISTS (SELECT FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
                         WHERE j.task_name = 'dispatch' AND j.args ->> 'chunk' = CAST(m.chunk_id AS text)
                           AND (j.status = 'todo' OR (j.status = 'doing' AND w.last_heartbeat > now() - CAST(:grace AS interval)
                             AND EXISTS (SELECT FROM messages h WHERE h.chunk_id = m.chunk_id AND h.status = 'sending'
                                         AND h.lease_until > :now))))
       GROUP BY m.chunk_id, m.channel LIMIT 500"""
)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of one claimed message.

    uncounted: 1 when the attempt never left the house
    doubtful:  what goes next may be a second copy, which the customer sees
    doubted:   this attempt may have reached the customer
    """

    message_id: int
    fence: int
    status: str
    at: datetime
    reason: str | None = None
    provider_id: str | None = None
    next_attempt_at: datetime | None = None
    uncounted: int = 0
    doubtful: bool = False
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One envelope to one address by one account, and the answer."""

    message_id: int
    address_id: int | None
    at: datetime
    outcome: str
    code: str | None
    provider_id: str | None
    account: str | None


async def claim(
    connection: AsyncConnection,
    *,
    chunk: int,
    limit: int,
    sort: str | None,
    offers: list[str],
    now: datetime,
    lease_until: datetime,
) -> Sequence[Row[Any]]:
    """Take up to `limit` messages of a chunk; rows whose status is not `sending` were set aside and are told only for the log."""
    values = {"chunk": chunk, "limit": limit, "sort": sort or "", "offers": offers, "now": now, "stale": now - STALE}
    return await rows(connection, _CLAIM, **values, lease_until=lease_until)


async def settle(connection: AsyncConnection, settlements: Sequence[Settlement]) -> set[int]:
    """Returns the ids that were still ours to settle (same fencing token), or in doubt for nothing but this answer."""
    if not settlements:
        return set()
    found = await rows(
        connection,
        _SETTLE,
        ids=[item.message_id for item in settlements],
        fences=[item.fence for item in settlements],
        statuses=[item.status for item in settlements],
        reasons=[item.reason for item in settlements],
        provider_ids=[item.provider_id for item in settlements],
        ats=[item.at for item in settlements],
        next_attempts=[item.next_attempt_at for item in settlements],
        uncounted=[item.uncounted for item in settlements],
        doubtful=[item.doubtful for item in settlements],
        doubted=[item.doubted for item in settlements],
    )
    return {row.id for row in found}


async def record_attempts(connection: AsyncConnection, attempts: Sequence[Attempt]) -> bool:
    """Each once. False when they were here already: the same transaction was committed before, and whoever asked did not hear so.

    Only after settle, which waits for that one to end.
    """
    if not attempts:
        return True
    return bool(
        await run(
            connection,
            _ATTEMPTS,
            messages=[item.message_id for item in attempts],
            addresses=[item.address_id for item in attempts],
            ats=[item.at for item in attempts],
            outcomes=[item.outcome for item in attempts],
            codes=[item.code for item in attempts],
            provider_ids=[item.provider_id for item in attempts],
            accounts=[item.account for item in attempts],
        )
    )


async def nudge_lock(connection: AsyncConnection) -> bool:
    """True for the one who nudges what is left lying; held until the transaction ends."""
    return bool((await rows(connection, _NUDGE_LOCK))[0].won)


async def hand_back(connection: AsyncConnection, chunk: int) -> int:
    """What of a chunk has not been claimed goes back to the reservoir."""
    return await run(connection, _HAND_BACK, chunk=chunk)


async def lapsed(
    connection: AsyncConnection, *, now: datetime, safe: list[str], resend: list[str], tries: int, limit: int
) -> list[tuple[int, str]]:
    """Leases that ran out: (message id, new status). `safe` channels and `resend` categories are queued again, up to `tries`."""
    found = await rows(connection, _LAPSED, now=now, safe=safe, resend=resend, tries=tries, limit=limit)
    return [(row.id, row.status) for row in found]


async def expire_released(connection: AsyncConnection, now: datetime) -> int:
    """Released, never claimed, worthless by now."""
    return await run(connection, _EXPIRE_RELEASED, now=now)


async def orphans(connection: AsyncConnection, now: datetime, grace: timedelta) -> list[tuple[int, str, int]]:
    """(chunk, channel, priority) of chunks released before `grace` that no job of a worker heard of since will send."""
    return [(row.id, row.channel, row.priority) for row in await rows(connection, _ORPHANS, now=now, grace=grace)]
