"""Counts for monitoring, bounded by what is going on and not by what ever went out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import rows, sql

# By run, through the dedup index: the history of years is never read.
_MESSAGES = sql(
    """SELECT m.channel, m.status, count(*) AS messages FROM runs r JOIN messages m ON m.run_id = r.id
       WHERE r.status IN ('due', 'active') OR r.finished_at > :since GROUP BY m.channel, m.status ORDER BY m.channel, m.status"""
)


@dataclass(frozen=True, slots=True)
class Count:
    channel: str
    status: str
    messages: int


async def messages(connection: AsyncConnection, since: datetime) -> list[Count]:
    """Messages of runs that are open or were finished after `since`."""
    return [Count(**row._asdict()) for row in await rows(connection, _MESSAGES, since=since)]
