"""What comes in at an open inbox: only what is believed goes on, and addresses that give back too much for too long are given up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Channel
from channels.incoming import ReceiptKind
from jobs.belief import believed, by_message
from jobs.house import House
from jobs.told import Told
from jobs.withdrawal import drop_addresses
from store.sent_to import SentTo, sent_to, worn_out

log = structlog.get_logger()

WentTo = Mapping[int, Sequence[SentTo]]  # by message


async def credible(house: House, connection: AsyncConnection, found: Sequence[Told]) -> tuple[list[Told], WentTo]:
    """Without what came in at an open inbox and is not to be believed; and where the messages of the rest went."""
    kept = [item for item in found if house.channels[item.row.source].inbox is None]
    doubted = [item for item in found if house.channels[item.row.source].inbox is not None]
    went_to: dict[int, Sequence[SentTo]] = {}
    for source in {item.row.source for item in doubted}:
        theirs = [item for item in doubted if item.row.source == source]
        named = [item.fact.message_id for item in theirs if item.fact.message_id is not None]
        went_to |= by_message(await sent_to(connection, house.channels[source].addresses or "", named))
        for item in theirs:
            entries = went_to.get(item.fact.message_id or 0, [])
            receipt = believed(house.signer, item.receipt, entries)
            if receipt is None:
                log.warning("receipt.not_believed", channel=source, receipt_id=item.row.id, kind=item.receipt.kind)
                continue
            fact = replace(item.fact, person_id=entries[0].person_id, unreachable=receipt.unreachable)
            kept.append(replace(item, receipt=receipt, fact=fact))
    return kept, went_to


async def wear_out(connection: AsyncConnection, channel: Channel, fresh: Sequence[Told], went_to: WentTo, now: datetime) -> None:
    """Drop the addresses that gave back too much for too long, though each time there was hope."""
    failed = [item for item in fresh if item.receipt.kind is ReceiptKind.FAILED and not item.receipt.drop_address]
    if channel.inbox is None or channel.addresses is None or not failed:
        return
    patience = channel.inbox.patience(channel.settings.read())
    asked = [entry.id for item in failed for entry in went_to.get(item.fact.message_id or 0, [])]
    found = await worn_out(connection, asked, channel=channel.name, reasons=[*patience.reasons], times=patience.times, span=patience.span)
    dead = [(channel.addresses, value, "soft_repeated", f"{times} messages came back in a row") for value, times in found]
    if await drop_addresses(connection, dead, now):
        log.info("address.worn_out", channel=channel.name, addresses=len(dead))
