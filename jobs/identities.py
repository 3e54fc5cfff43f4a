"""What providers tell of a person's addresses: one more, or another instead. Two persons are never made one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.alias import Alias
from channels.base import Channel
from channels.incoming import Receipt, ReceiptKind
from jobs.withdrawal import drop_addresses
from store import identities, receipts
from store.identities import Learned
from store.receipts import Fact
from store.suppressions import Source

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Word:
    """A receipt, and what was found of it."""

    receipt: Receipt
    fact: Fact

    def learned(self, person: int, alias: Alias) -> Learned:
        return Learned(person, alias.kind, alias.value, f"receipt:{self.fact.event_id}")


async def learn(connection: AsyncConnection, channel: Channel, words: Sequence[Word], now: datetime) -> None:
    """Keep the other addresses that came along, where one person alone is meant."""
    told = [word for word in words if word.receipt.also and word.receipt.kind is not ReceiptKind.MOVED]
    if channel.addresses is None or not told:
        return
    messages = [word.fact.message_id for word in told if word.fact.message_id is not None]
    went = await identities.recipients(connection, messages)
    owners = await receipts.owners(connection, channel.addresses, [word.receipt.address for word in told if word.receipt.address])
    found = []
    for word in told:
        named = {went[word.fact.message_id].person_id} if word.fact.message_id in went else set(owners.get(word.receipt.address or "", ()))
        if len(named) == 1:
            found += [word.learned(person, alias) for person in named for alias in word.receipt.also]
    if new := await identities.learn(connection, channel.addresses, found, now):
        log.info("address.learned", channel=channel.name, addresses=new)


async def move(connection: AsyncConnection, channel: Channel, words: Sequence[Word], now: datetime) -> None:
    """The old address is used no more, the new one is its owner's, unless somebody else has it already."""
    moved = [word for word in words if word.receipt.kind is ReceiptKind.MOVED and word.receipt.address]
    if channel.addresses is None or not moved:
        return
    owners = await receipts.owners(connection, channel.addresses, [word.receipt.address or "" for word in moved])
    for word in moved:
        people = owners.get(word.receipt.address or "", [])
        if len(people) != 1:
            log.warning("customer.move_unclear", channel=channel.name, people=len(people), event_id=word.fact.event_id)
            continue
        await identities.learn(connection, channel.addresses, [word.learned(people[0], alias) for alias in word.receipt.also], now)
        owned = await identities.owned(connection, channel.addresses, [alias.value for alias in word.receipt.also])
        taken = sum((people[0], alias.value) not in owned for alias in word.receipt.also)
        gone = [(channel.addresses, word.receipt.address or "", "moved", f"receipt:{word.fact.event_id}")]
        await drop_addresses(connection, gone, now, Source.RECEIPT)
        if taken:
            log.warning("customer.address_taken", channel=channel.name, person_id=people[0], addresses=taken)
