"""What people ask of the messages as a whole: every one of them as a row to take away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store.statements import TIME, sql

# The order is the stable face of `kabar export messages`.
COLUMNS = (
    "message_id",
    "campaign",
    "occurrence",
    "customer_no",
    "channel",
    "category",
    "topic",
    "status",
    "reason",
    "queued_at",
    "released_at",
    "sent_at",
    "delivered_at",
    "read_at",
    "provider_id",
    "attempts",
    "maybe_duplicate",
)
_MESSAGES = sql(
    """SELECT m.id, r.campaign, r.occurrence, p.customer_no, m.channel, m.category, m.topic, m.status, m.reason, m.queued_at,
              m.released_at, m.sent_at, m.delivered_at, m.read_at, m.provider_id, m.attempts, m.maybe_duplicate
       FROM messages m JOIN runs r ON r.id = m.run_id JOIN people p ON p.id = m.person_id
       WHERE CAST(:since AS timestamptz) IS NULL OR m.queued_at >= :since
       ORDER BY m.id""",
    since=TIME,
)
_BATCH = 2_000


async def stream_messages(connection: AsyncConnection, since: datetime | None) -> AsyncIterator[Sequence[Sequence[Any]]]:
    """Batches of rows in the order of COLUMNS, the oldest message first, from a cursor of the server. since: of queued_at."""
    result = await connection.stream(_MESSAGES, {"since": since}, execution_options={"yield_per": _BATCH})
    async for part in result.partitions(_BATCH):
        yield part
