"""Sweep: what a worker that died left behind. Jobs are nudges; the messages table is the truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.catalog import Published
from jobs.house import House
from jobs.leases import nudge_after
from jobs.retry import MAX_ATTEMPTS
from store import digests, doubts, messages, outbox, receipts

log = structlog.get_logger()

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Swept:
    """put_back: messages whose carrier never went."""

    lapsed: int = 0
    nudged: int = 0
    late: int = 0
    put_back: int = 0


async def sweep(house: House, now: datetime) -> Swept:
    """Leases that ran out, chunks nobody will send, released messages that are worthless by now, merged ones that nobody carries."""
    async with house.database.begin() as connection:
        lapsed = await outbox.lapsed(
            connection,
            now=now,
            safe=[name for name, channel in house.channels.items() if channel.repeat_is_safe],
            resend=await _resend(house, connection),
            tries=MAX_ATTEMPTS,
            limit=BATCH,
        )
        late = await outbox.expire_released(connection, now)
        # Before the digests: what a carrier took along that may have gone out must not go out again.
        unsure = await doubts.unsure(connection, now, BATCH)
        await receipts.catch_up(connection, unsure, now)
        put_back = await digests.follow(connection, now, BATCH)
    for message, status in lapsed:
        log.warning("message.lease_lapsed", message_id=message, status=status)
    if unsure:
        log.warning("message.in_doubt", messages=len(unsure))
    if put_back:
        log.warning("digest.put_back", messages=put_back)
    async with house.database.begin() as connection:
        alone = await outbox.nudge_lock(connection)  # of two who nudge the same chunk, one would fail
        orphans = await outbox.orphans(connection, now, nudge_after(house.settings)) if alone else []
        published = await house.catalog.newest(connection)
        if orphans:
            await house.nudge(connection, [_chunk(published, *orphan) for orphan in orphans])
            log.warning("chunk.nudged_again", chunks=len(orphans))
    return Swept(len(lapsed), len(orphans), late, put_back)


def _chunk(published: Published | None, number: int, channel: str, priority: int) -> messages.Chunk:
    urgent = published is not None and priority >= published.config.accounts.important.priority
    return messages.Chunk(number, channel, priority, urgent)


async def _resend(house: House, connection: AsyncConnection) -> list[str]:
    published = await house.catalog.newest(connection)
    categories = published.config.rules.categories if published else {}
    return [name for name, category in categories.items() if category.on_unknown == "resend"]
