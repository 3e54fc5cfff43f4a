"""A person's word against offers on a channel: recorded, and what waits of them stopped, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.house import House
from store import changes, outbox, withdrawal

log = structlog.get_logger()


async def opt_out(house: House, connection: AsyncConnection, people: Sequence[tuple[int, str, str]], now: datetime) -> None:
    """(person id, channel, evidence) each. Pop-ups that lie ready are looked at again when the app asks, which it is told to."""
    if not people:
        return
    await outbox.opt_out(connection, people, now)
    await changes.tell(connection, {person for person, channel, _ in people if channel == changes.CHANNEL})
    published = await house.catalog.newest(connection)
    offers = published.offers if published else ()
    stopped = await withdrawal.stop_offers(connection, [(person, channel) for person, channel, _ in people], offers, now)
    if stopped:
        log.info("offers.stopped", messages=stopped, people=len(people))
