"""Before the first byte: to which address, and which of the claimed go back uncounted, since their person is to be left alone for now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Address, Channel
from store import holds, outbox
from store.outbox import Settlement


async def free_people(
    connection: AsyncConnection, channel: Channel, claimed: Sequence[Any], offers: Collection[str], now: datetime, lease: datetime
) -> list[Any]:
    """The claimed rows that may be sent now; nobody else gets their people before the lease ends or it is known what came of it.

    offers: names of categories
    """
    if channel.spacing is None:
        return list(claimed)
    wanted = [holds.Wanted(row.id, row.person_id, row.category in offers) for row in claimed]
    held = await holds.take(connection, channel.name, wanted, spacing=channel.spacing, now=now, until=lease)
    waits = {message: (until, f"held:{why}") for message, until, why in held}
    back = [
        Settlement(row.id, row.fence, "deferred", now, waits[row.id][1], next_attempt_at=waits[row.id][0], uncounted=1)
        for row in claimed
        if row.id in waits
    ]
    await outbox.settle(connection, back)
    return [row for row in claimed if row.id not in waits]


async def let_go(connection: AsyncConnection, channel: Channel, rows: Sequence[Any], now: datetime) -> None:
    """Claimed rows that were not sent after all."""
    if channel.spacing is not None:
        await holds.put(connection, channel.name, [holds.Hold(row.person_id, now) for row in rows])


def preferred(channel: Channel, addresses: Sequence[Address]) -> list[Address]:
    """Every address, where the channel wants every one; else the one of the kind it likes best."""
    if channel.every_address or not addresses:
        return list(addresses)
    return [min(addresses, key=lambda found: channel.kinds.index(found.kind) if found.kind in channel.kinds else len(channel.kinds))]
