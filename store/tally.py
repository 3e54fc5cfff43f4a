"""Counts by channel and hour, for people who look at an evening as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import rows, sql

# One row per thing that happened to a message: sent and failed once, deferred and retried as often as it happened.
_TALLY = sql(
    """WITH happened AS (
         SELECT channel, sent_at AS at, 'sent' AS what, NULL AS why FROM messages WHERE sent_at IS NOT NULL AND status <> 'unknown'
         UNION ALL
         SELECT channel, coalesce(settled_at, sent_at), status, reason FROM messages
          WHERE status IN ('failed', 'unknown', 'expired', 'suppressed')
         UNION ALL
         SELECT m.channel, CAST(t ->> 'at' AS timestamptz),
                CASE WHEN t ->> 'why' LIKE 'retry:%' THEN 'retried' ELSE 'deferred' END, t ->> 'why'
         FROM messages m CROSS JOIN LATERAL jsonb_array_elements(m.trail) t WHERE t ->> 'is' = 'deferred')
       SELECT channel, date_trunc('hour', at, :zone) AS hour, what, regexp_replace(coalesce(why, ''), ':[0-9]+$', '') AS why,
              count(*) AS n
       FROM happened WHERE at >= :since GROUP BY 1, 2, 3, 4 ORDER BY 2, 1, 3, 4"""
)
_FIRST = sql(
    """SELECT m.channel, CAST(local.at AS date) AS day, min(local.at) AS first
       FROM messages m JOIN people p ON p.id = m.person_id
       CROSS JOIN LATERAL (SELECT m.sent_at AT TIME ZONE coalesce(p.timezone, :zone) AS at) local
       WHERE m.sent_at >= :since AND m.category <> ALL(:free) GROUP BY 1, 2 ORDER BY 2, 1"""
)


@dataclass(frozen=True, slots=True)
class Count:
    """what: sent, deferred, retried, suppressed, failed, unknown, expired. hour: its beginning."""

    channel: str
    hour: datetime
    what: str
    why: str
    n: int


async def by_hour(connection: AsyncConnection, zone: str, since: datetime) -> list[Count]:
    return [Count(**row._asdict()) for row in await rows(connection, _TALLY, zone=zone, since=since)]


async def first_of_day(connection: AsyncConnection, zone: str, since: datetime, free: list[str]) -> Sequence[Row[Any]]:
    """(channel, day, first) by the customer's own clock, of messages whose category (not in `free`) keeps to windows."""
    return await rows(connection, _FIRST, zone=zone, since=since, free=free)
