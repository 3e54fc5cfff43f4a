"""A block of a released chunk as a worker holds it: claimed and rendered, looked at again while it waits, given back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Address, Channel, Envelope, Outcome, Rejected
from jobs import digests, domains, platforms
from jobs.holding import free_people, let_go, preferred
from jobs.house import House
from jobs.leases import lease
from jobs.mishaps import words
from jobs.render import Renderer
from store import digests as store_digests
from store import outbox

log = structlog.get_logger()

BLOCK_SECONDS = 0.1  # of the account's rate, claimed and paced at once: short enough to stay fair, long enough to batch
BLOCK = (10, 250)


@dataclass(frozen=True, slots=True)
class Item:
    """A claimed message with its envelopes (one for each address), or why there is none. speech: with what it carries."""

    row: Any
    envelopes: tuple[Envelope, ...]
    fault: Outcome | None = None
    speech: digests.Speech | None = None

    @property
    def campaigns(self) -> tuple[str, ...]:
        """Its own, and those of what it carries."""
        return (self.row.campaign, *(rider.campaign for rider in (self.speech.carried if self.speech else ())))


async def claim(house: House, channel: Channel, chunk: int, rate: float) -> list[Item] | None:
    """The next block of a chunk, committed as `sending`; None when nothing of it is left. rate: of the channel's quickest account."""
    now = house.clock.now()
    until = now + lease(house.settings)
    size = min(max(int(rate * BLOCK_SECONDS), BLOCK[0]), BLOCK[1])
    async with house.database.begin() as connection:
        offers = await _offers(house, connection)
        rows = await outbox.claim(
            connection,
            chunk=chunk,
            limit=size,
            sort=channel.addresses,
            offers=offers,
            now=now,
            lease_until=until,
        )
        if not rows:
            return None
        sending = [row for row in rows if row.status == "sending"]
        sending = await domains.let_through(house, connection, channel, sending, now)
        sending = await platforms.let_through(connection, sending, now)
        sending = await free_people(connection, channel, sending, offers, now, until)
        riders = await store_digests.carried(connection, [row.id for row in sending], now)
        renderer = Renderer(house, await house.catalog.readable(connection, (row.version_id for row in (*rows, *riders))))
        carried = {carrier: list(group) for carrier, group in groupby(riders, key=attrgetter("carrier_id"))}
        items = [_item(channel, renderer, row, carried.get(row.id, ()), now) for row in sending]
        left_out = [message for item in items if item.speech for message in item.speech.left_out]
        await store_digests.put_back(connection, left_out, now)
    for row in rows:
        if row.status != "sending":
            log.info("message.set_aside", message_id=row.id, run_id=row.run_id, status=row.status)
    return items


async def _offers(house: House, connection: AsyncConnection) -> list[str]:
    published = await house.catalog.newest(connection)
    categories = published.config.rules.categories if published else {}
    return [name for name, category in categories.items() if category.offer]


def _item(channel: Channel, renderer: Renderer, row: Any, riders: Sequence[Any], now: datetime) -> Item:
    addresses: Sequence[Address | None] = [None]
    if channel.addresses is not None:
        addresses = preferred(channel, [Address(*values) for values in row.addresses])
        if not addresses:
            return Item(row, (), Rejected("no_address", unreachable=True))
    try:
        said = digests.speech(renderer, row, channel, riders)
        return Item(row, tuple(renderer.envelope(row, channel, address, now, said.content) for address in addresses), speech=said)
    except Exception as error:  # a RenderError, or what nobody thought of: it is this message's alone
        log.warning("message.render_failed", message_id=row.id, run_id=row.run_id, error=words(error))
        return Item(row, (), Rejected("render_error", detail=words(error)))


async def still_wanted(house: House, channel: str, items: Sequence[Item]) -> list[Item]:
    """Without what was paused while the block waited for its turn; that goes back."""
    await house.gate.look(house.database, house.clock.now())
    held = [item for item in items if house.gate.stops(item.campaigns, channel)]
    if held:
        await give_back(house, held, house.clock.now(), "paused")
    return [item for item in items if item not in held] if held else list(items)


async def give_back(house: House, items: Sequence[Item], until: datetime, why: str) -> None:
    now = house.clock.now()
    back = [outbox.Settlement(item.row.id, item.row.fence, "deferred", now, why, next_attempt_at=until, uncounted=1) for item in items]
    async with house.database.begin() as connection:
        await outbox.settle(connection, back)
        if items:
            await let_go(connection, house.channels[items[0].row.channel], [item.row for item in items], now)
