"""Runs: one campaign at one occurrence. The unique key makes firing idempotent, whoever fires and how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import JSON, TEXTS, TIMES, rows, run, sql


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be, before it has an id. skipped: why it will not be planned (missed and not caught up).

    shared: customer events join it as they come; nobody else is addressed by it.
    escalation: {channel, after (seconds), unless}, what follows a message nobody answered
    """

    campaign: str
    occurrence: str
    version_id: int
    content_hash: str
    category: str
    priority: int
    channels: tuple[str, ...]
    due_at: datetime
    expires_at: datetime
    data: Mapping[str, Any]
    skipped: str | None = None
    shared: bool = False
    escalation: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is due or active."""

    id: int
    campaign: str
    occurrence: str
    version_id: int
    content_hash: str
    category: str
    priority: int
    channels: tuple[str, ...]
    due_at: datetime
    expires_at: datetime
    data: Mapping[str, Any]
    window_keys: tuple[str, ...]


_COLUMNS = """id, campaign, occurrence, version_id, content_hash, category, priority, channels, due_at, expires_at, data, window_keys"""
_INSERT = sql(
    """INSERT INTO runs (campaign, occurrence, version_id, content_hash, category, priority, channels, due_at, expires_at, data,
                         escalation, status, reason)
       SELECT n.campaign, n.occurrence, n.version_id, n.content_hash, n.category, n.priority,
              ARRAY(SELECT jsonb_array_elements_text(n.channels)), n.due_at, n.expires_at, n.data, n.escalation,
              CASE WHEN n.skipped IS NOT NULL THEN 'skipped' WHEN n.shared THEN 'active' ELSE 'due' END, n.skipped
       FROM jsonb_to_recordset(:runs) AS n(campaign text, occurrence text, version_id int, content_hash text, category text,
            priority smallint, channels jsonb, due_at timestamptz, expires_at timestamptz, data jsonb, escalation jsonb,
            skipped text, shared boolean)
       ON CONFLICT (campaign, occurrence) DO NOTHING
       RETURNING id, campaign, occurrence, status, reason""",
    runs=JSON,
)
_PLANNED_UNTIL = sql("SELECT campaign, planned_until FROM campaigns")
_MOVE_UNTIL = sql(
    """INSERT INTO campaigns (campaign, planned_until) SELECT * FROM unnest(:campaigns, :untils)
       ON CONFLICT (campaign) DO UPDATE SET planned_until = greatest(campaigns.planned_until, excluded.planned_until)""",
    campaigns=TEXTS,
    untils=TIMES,
)
_DUE = sql(f"SELECT {_COLUMNS} FROM runs WHERE status = 'due' AND due_at <= :now ORDER BY priority DESC, due_at, id LIMIT :limit")
_SHARED = sql(f"SELECT {_COLUMNS} FROM runs WHERE campaign = :campaign AND occurrence = :occurrence AND status IN ('active', 'finished')")
_LOCK = sql("SELECT id FROM runs WHERE id = :id AND status = 'due' FOR UPDATE SKIP LOCKED")
_ACTIVE = sql(f"SELECT {_COLUMNS} FROM runs WHERE status = 'active' ORDER BY priority DESC, expires_at, id")
_PLANNED = sql(
    """UPDATE runs SET status = 'active', planned_at = coalesce(planned_at, :now), finished_at = NULL, messages = messages + :count,
              window_keys = ARRAY(SELECT DISTINCT unnest(window_keys || :keys) ORDER BY 1)
       WHERE id = :id AND status IN ('due', 'active', 'finished')""",
    keys=TEXTS,
)
_FINISH = sql(
    """UPDATE runs SET status = 'finished', finished_at = :now
       WHERE status = 'active' AND NOT EXISTS (SELECT FROM messages m WHERE m.run_id = runs.id
                                                        AND (m.status IN ('queued', 'deferred', 'released', 'sending')
                                                             OR m.status = 'merged' AND m.settled_at IS NULL
                                                             OR m.escalates AND m.status IN ('sent', 'delivered', 'read', 'unknown')))
       RETURNING id, campaign, occurrence"""
)
# Who waits for the row of a run sees its messages as they were before that: what others have just put into it or back, was not there.
_REOPEN = sql(
    """UPDATE runs SET status = 'active', finished_at = NULL
       WHERE EXISTS (SELECT FROM messages m WHERE m.run_id = runs.id AND m.status = 'queued')
         AND finished_at > :since AND status = 'finished'
       RETURNING id, campaign, occurrence"""
)


async def create(connection: AsyncConnection, new: Sequence[NewRun]) -> list[tuple[int, str, str, str, str | None]]:
    """Insert those that do not exist; returns (id, campaign, occurrence, status, reason) of the ones that are new."""
    if not new:
        return []
    documents = [
        {
            "campaign": item.campaign,
            "occurrence": item.occurrence,
            "version_id": item.version_id,
            "content_hash": item.content_hash,
            "category": item.category,
            "priority": item.priority,
            "channels": list(item.channels),
            "due_at": item.due_at.isoformat(),
            "expires_at": item.expires_at.isoformat(),
            "data": dict(item.data),
            "escalation": item.escalation,
            "skipped": item.skipped,
            "shared": item.shared,
        }
        for item in new
    ]
    return [(row.id, row.campaign, row.occurrence, row.status, row.reason) for row in await rows(connection, _INSERT, runs=documents)]


async def planned_until(connection: AsyncConnection) -> dict[str, datetime]:
    """How far each campaign's trigger has been looked at."""
    return {row.campaign: row.planned_until for row in await rows(connection, _PLANNED_UNTIL)}


async def move_planned_until(connection: AsyncConnection, until: Mapping[str, datetime]) -> None:
    """Never backwards."""
    await run(connection, _MOVE_UNTIL, campaigns=list(until), untils=list(until.values()))


async def due(connection: AsyncConnection, now: datetime, limit: int) -> list[Run]:
    return [_run(row) for row in await rows(connection, _DUE, now=now, limit=limit)]


async def shared(connection: AsyncConnection, campaign: str, occurrence: str) -> Run:
    """The run that customer events of one hour share."""
    return _run((await rows(connection, _SHARED, campaign=campaign, occurrence=occurrence))[0])


async def lock_due(connection: AsyncConnection, run_id: int) -> bool:
    """True when this transaction is the one to plan it."""
    return bool(await rows(connection, _LOCK, id=run_id))


async def active(connection: AsyncConnection) -> list[Run]:
    """The runs that may have messages waiting, the most important first."""
    return [_run(row) for row in await rows(connection, _ACTIVE)]


async def planned(connection: AsyncConnection, run_id: int, *, count: int, keys: Sequence[str], now: datetime) -> None:
    await run(connection, _PLANNED, id=run_id, count=count, keys=list(keys), now=now)


async def finish(connection: AsyncConnection, now: datetime) -> list[tuple[int, str, str]]:
    """Close the runs that have nothing left to do."""
    return [(row.id, row.campaign, row.occurrence) for row in await rows(connection, _FINISH, now=now)]


async def reopen(connection: AsyncConnection, since: datetime) -> list[tuple[int, str, str]]:
    """Those that were finished since then, while somebody was putting messages into them or back."""
    return [(row.id, row.campaign, row.occurrence) for row in await rows(connection, _REOPEN, since=since)]


def _run(row: Any) -> Run:
    values = row._asdict()
    return Run(**{**values, "channels": tuple(values["channels"]), "window_keys": tuple(values["window_keys"])})
