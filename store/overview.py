"""The house at a glance: runs, what waits and since when, what went out a moment ago. Bounded by what is open, not by what ever was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import rows, sql

_RUNS = sql(
    """SELECT r.id, r.campaign, r.occurrence, r.status, r.reason, r.due_at, r.expires_at, r.messages,
              coalesce((SELECT jsonb_object_agg(c.status, c.n)
                        FROM (SELECT CASE m.reason WHEN 'control_group' THEN m.reason ELSE m.status END AS status, count(*) AS n
                              FROM messages m WHERE m.run_id = r.id GROUP BY 1) c), '{}') AS counts
       FROM runs r WHERE r.id IN (SELECT id FROM runs WHERE status IN ('due', 'active') ORDER BY due_at DESC LIMIT :open)
          OR r.id IN (SELECT id FROM runs ORDER BY id DESC LIMIT :recent)
       ORDER BY r.due_at DESC, r.id DESC"""
)
# A message that was deferred waits anew from the moment it was deferred until.
_QUEUED = sql(
    """SELECT r.campaign, r.category, r.content_hash, m.channel, m.window_key, count(*) AS n,
              min(greatest(m.queued_at, CAST(m.trail -> -1 ->> 'until' AS timestamptz))) AS since
       FROM messages m JOIN runs r ON r.id = m.run_id WHERE m.status = 'queued' GROUP BY 1, 2, 3, 4, 5"""
)
_DEFERRED = sql("SELECT channel, coalesce(reason, '') AS reason, count(*) AS n FROM messages WHERE status = 'deferred' GROUP BY 1, 2")
_OUT = sql(
    """SELECT channel, status, count(*) AS n, min(released_at) AS since FROM messages
       WHERE status IN ('released', 'sending') AND chunk_id IS NOT NULL GROUP BY 1, 2"""
)
# The newest attempts by key: a busy house makes no more in a minute, and there is no index on their time.
_SENT = sql(
    """SELECT account, count(*) AS n FROM (SELECT account, at, outcome FROM attempts ORDER BY id DESC LIMIT 100000) a
       WHERE at > :since AND at <= :now AND outcome = 'sent' AND account IS NOT NULL GROUP BY 1"""
)
_VERSION = sql("SELECT id, hash, activated_at FROM versions ORDER BY activated_at DESC, id DESC LIMIT 1")
_BACKLOG = sql(
    """SELECT (SELECT count(*) FROM events WHERE planned_at IS NULL) AS events,
              (SELECT count(*) FROM receipts WHERE applied_at IS NULL) AS receipts"""
)
OPEN, RECENT = 50, 10


@dataclass(frozen=True, slots=True)
class RunLine:
    """counts: message status → how many; `control_group` stands apart from what else is suppressed."""

    id: int
    campaign: str
    occurrence: str
    status: str
    reason: str | None
    due_at: datetime
    expires_at: datetime
    messages: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Queued messages of one campaign, channel and window; since: when the oldest began to wait."""

    campaign: str
    category: str
    content_hash: str
    channel: str
    window_key: str
    n: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Version:
    id: int
    hash: str
    activated_at: datetime


async def recent_runs(connection: AsyncConnection) -> list[RunLine]:
    """Those that are open, and the newest, whatever became of them."""
    return [RunLine(**row._asdict()) for row in await rows(connection, _RUNS, open=OPEN, recent=RECENT)]


async def queued(connection: AsyncConnection) -> list[Waiting]:
    return [Waiting(**row._asdict()) for row in await rows(connection, _QUEUED)]


async def deferred(connection: AsyncConnection) -> list[tuple[str, str, int]]:
    """(channel, reason, how many)."""
    return [(row.channel, row.reason, row.n) for row in await rows(connection, _DEFERRED)]


async def outgoing(connection: AsyncConnection) -> list[tuple[str, str, int, datetime | None]]:
    """(channel, released or sending, how many, when the oldest was released)."""
    return [(row.channel, row.status, row.n, row.since) for row in await rows(connection, _OUT)]


async def sent_last_minute(connection: AsyncConnection, now: datetime) -> dict[str, int]:
    """Account → attempts that a provider took."""
    return {row.account: row.n for row in await rows(connection, _SENT, since=now - timedelta(minutes=1), now=now)}


async def version(connection: AsyncConnection) -> Version | None:
    """The configuration in force."""
    found = await rows(connection, _VERSION)
    return Version(**found[0]._asdict()) if found else None


async def backlog(connection: AsyncConnection) -> dict[str, int]:
    """Customer events and receipts that are stored and not yet worked on."""
    return dict((await rows(connection, _BACKLOG))[0]._asdict())
