"""How many different people a provider lets us write to in any 24 hours, and who they were: one row a person and channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import LONGS, TIMES, rows, run, sql

DAY = timedelta(hours=24)

_ENSURE = sql(
    """INSERT INTO quotas (channel, people) VALUES (:channel, :people)
       ON CONFLICT (channel) DO UPDATE SET people = excluded.people WHERE quotas.people IS DISTINCT FROM excluded.people"""
)
_ALL = sql(
    """SELECT q.channel, q.people, (SELECT count(*) FROM reached r WHERE r.channel = q.channel AND r.until > :now) AS used
       FROM quotas q ORDER BY q.channel"""
)
_KNOWN = sql(
    "SELECT person_id FROM reached WHERE channel = :channel AND person_id = ANY(:people) AND until > :now",
    people=LONGS,
)
_REACH = sql(
    """INSERT INTO reached AS r (channel, person_id, until)
       SELECT :channel, person_id, max(until) FROM unnest(:people, :untils) AS v(person_id, until) GROUP BY person_id ORDER BY person_id
       ON CONFLICT (channel, person_id) DO UPDATE SET until = excluded.until WHERE r.until < excluded.until""",
    people=LONGS,
    untils=TIMES,
)
_FREE = sql(
    "SELECT until FROM reached WHERE channel = :channel AND until > :now ORDER BY until OFFSET :skip LIMIT :limit",
)
_WAITING = sql(
    """SELECT r.priority, count(*) AS n FROM messages m JOIN runs r ON r.id = m.run_id
       WHERE m.channel = :channel AND m.status = 'deferred' AND m.reason = :reason AND m.reason LIKE 'quota:%'
       GROUP BY 1"""
)
_OLD = sql(
    """DELETE FROM reached WHERE (channel, person_id) IN (SELECT channel, person_id FROM reached WHERE until < :now LIMIT :limit
                                                          FOR UPDATE SKIP LOCKED)"""
)


@dataclass(frozen=True, slots=True)
class Quota:
    """people: None = as many as there are. used: how many there were in the last 24 hours, those about to be sent to included."""

    channel: str
    people: int | None
    used: int


async def ensure(connection: AsyncConnection, channel: str, people: int | None) -> None:
    await run(connection, _ENSURE, channel=channel, people=people)


async def every(connection: AsyncConnection, now: datetime) -> list[Quota]:
    return [Quota(**row._asdict()) for row in await rows(connection, _ALL, now=now)]


async def known(connection: AsyncConnection, channel: str, people: Sequence[int], now: datetime) -> set[int]:
    """Those of them who were written to in the last 24 hours."""
    return {row.person_id for row in await rows(connection, _KNOWN, channel=channel, people=list(people), now=now)}


async def reach(connection: AsyncConnection, channel: str, people: Sequence[tuple[int, datetime]]) -> None:
    """(person id, when) each: written to, or about to be."""
    if people:
        ids, untils = [person for person, _ in people], [at + DAY for _, at in people]
        await run(connection, _REACH, channel=channel, people=ids, untils=untils)


async def free_at(connection: AsyncConnection, channel: str, skip: int, limit: int, now: datetime) -> list[datetime]:
    """When places fall free, the soonest first, leaving out so many."""
    return [row.until for row in await rows(connection, _FREE, channel=channel, skip=skip, limit=limit, now=now)]


async def waiting(connection: AsyncConnection, channel: str, reason: str) -> dict[int, int]:
    """Priority → how many messages wait for a place."""
    return {row.priority: row.n for row in await rows(connection, _WAITING, channel=channel, reason=reason)}


async def old(connection: AsyncConnection, now: datetime, limit: int) -> int:
    """Forget who was written to longer ago."""
    return await run(connection, _OLD, now=now, limit=limit)
