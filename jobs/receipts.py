"""Receipts: stored webhooks become facts about messages and people. Order, repeats and crashes do not change the outcome."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Channel
from channels.incoming import Receipt, ReceiptKind
from jobs import aftermath, forgotten, returned, unheard
from jobs.house import House
from jobs.identities import Word, learn, move
from jobs.links import message_id
from jobs.mishaps import is_outage, words
from jobs.notices import heed
from jobs.sifting import sift
from jobs.told import Told
from jobs.unheard import ABOUT_PEOPLE, NAMELESS
from jobs.withdrawal import complain, drop_addresses, opt_in, opt_out, refuse_address
from store import identities, receipts, suppressions
from store.suppressions import Source

log = structlog.get_logger()

BATCH = 500
AGAIN = timedelta(seconds=5)
KEPT = timedelta(hours=1)  # how long a receipt waits for a message that is not known or not settled yet


async def apply_receipts(house: House, now: datetime) -> int:
    """Apply one batch of stored webhooks; returns how many are done with. One that cannot be applied is set aside with its error."""
    try:
        async with house.database.begin() as connection:
            return await _apply(house, connection, await receipts.take(connection, now, BATCH), now)
    except Exception as error:
        if is_outage(error):
            raise
        log.warning("receipts.sifting", error=words(error))
    async with house.database.begin() as connection:
        rows = await receipts.take(connection, now, BATCH)
        refused = await sift(connection, rows, lambda some: _apply(house, connection, some, now))
        await receipts.done(connection, [(row.id, words(fault)) for row, fault in refused], now)
        await receipts.blank(connection, sorted(await forgotten.named_in(house, connection, [row for row, _ in refused])))
    for row, fault in refused:
        log.error("receipt.failed", receipt_id=row.id, source=row.source, exc_info=fault)
    return len(rows)


async def _apply(house: House, connection: AsyncConnection, rows: Sequence[Any], now: datetime) -> int:
    told, broken = _read(house, rows)
    found, waiting = await _find(connection, told, now)
    found, nobodys = await forgotten.without_them(house, connection, found)
    found = await unheard.count(connection, found, now)
    found, went_to = await returned.credible(house, connection, found)
    found = await _owned(house, connection, found)
    new = await receipts.remember(connection, [item.fact for item in found], now)
    await receipts.move(connection, [item.fact for item in found], now)
    for source in {item.row.source for item in found}:
        fresh = [item for item in found if item.row.source == source and item.fact.event_id in new]
        await _people(house, connection, house.channels[source], fresh, now)
        known = [Word(item.receipt, item.fact) for item in fresh if item.row.id not in nobodys]
        await _more(house, connection, house.channels[source], known, now)
        await returned.wear_out(connection, house.channels[source], fresh, went_to, now)
    done = [(row.id, broken.get(row.id)) for row in rows if row.id not in waiting]
    await receipts.done(connection, done, now)
    named = await forgotten.named_in(house, connection, [row for row in rows if row.id in broken])
    await receipts.blank(connection, sorted((nobodys | named) - waiting))
    await receipts.again(connection, sorted(waiting), now + AGAIN)
    for receipt_id, why in done:
        if why:
            log.warning("receipt.unreadable", receipt_id=receipt_id, error=why)
    return len(done)


def _read(house: House, rows: Sequence[Any]) -> tuple[list[Told], dict[int, str]]:
    told: list[Told] = []
    broken: dict[int, str] = {}
    for row in rows:
        try:
            parsed = _parse(house.channels[row.source], row) if row.source in house.channels else ()
            told += [Told(row, receipt, _fact(row, receipt)) for receipt in parsed]
        except Exception as error:  # whatever a parser of ours stumbles over
            broken[row.id] = words(error)
    return told, broken


def _parse(channel: Channel, row: Any) -> Sequence[Receipt]:
    if channel.inbox is not None:
        return channel.inbox.parse(row.body, row.received_at)
    if channel.webhook is not None:
        return channel.webhook.parse(row.body)
    return channel.reports(row.body) if channel.reports is not None else ()


def _fact(row: Any, receipt: Receipt) -> receipts.Fact:
    # An address is nobody's business in an id that is shown and kept as evidence.
    person = hashlib.sha256((receipt.address or "").encode()).hexdigest()[:16]
    about = receipt.key or receipt.provider_id or (f"{receipt.subject}:{receipt.code}" if receipt.subject else person)
    return receipts.Fact(
        event_id=receipt.event_id or f"{row.source}:{about}:{receipt.kind}:{int(receipt.at.timestamp())}",
        kind=receipt.kind,
        at=min(receipt.at, row.received_at),  # nothing is told before it happens; a clock may be ahead of ours
        message_id=message_id(receipt.key),
        detail=receipt.code or receipt.text,
        channel=row.source,
        unreachable=receipt.unreachable or receipt.drop_address,
    )


async def _find(connection: AsyncConnection, told: Sequence[Told], now: datetime) -> tuple[list[Told], set[int]]:
    """Those whose message is known and settled, and the ids of stored bodies that have to wait."""
    refs = await receipts.resolve(connection, [(item.fact.message_id, item.receipt.provider_id, item.row.source) for item in told])
    found: list[Told] = []
    waiting: set[int] = set()
    for item, (known, early) in zip(told, refs, strict=True):
        names_message = item.receipt.kind not in NAMELESS
        if names_message and (known is None or early) and item.row.received_at > now - KEPT:
            waiting.add(item.row.id)
        else:
            found.append(replace(item, fact=replace(item.fact, message_id=known)))
    return found, waiting


async def _owned(house: House, connection: AsyncConnection, found: Sequence[Told]) -> list[Told]:
    """What people say without naming a message, under whose it is where one person alone has the address."""
    owners: dict[str, list[int]] = {}
    for source in {item.row.source for item in found}:
        sort = house.channels[source].addresses
        spoken = [item.receipt.address for item in found if item.row.source == source and item.receipt.address]
        owners |= await receipts.owners(connection, sort, spoken) if sort and spoken else {}
    return [_with_owner(item, owners.get(item.receipt.address or "", [])) for item in found]


def _with_owner(item: Told, people: Sequence[int]) -> Told:
    if item.receipt.kind not in ABOUT_PEOPLE or len(people) != 1 or item.fact.person_id is not None:
        return item
    return replace(item, fact=replace(item.fact, person_id=people[0]))


async def _people(house: House, connection: AsyncConnection, channel: Channel, fresh: Sequence[Told], now: datetime) -> None:
    """Opt-outs, opt-ins and dead addresses; replies are kept for a person to see."""
    if channel.addresses is None:
        return
    owners = await receipts.owners(connection, channel.addresses, [item.receipt.address for item in fresh if item.receipt.address])
    named = [item.fact.message_id for item in fresh if item.receipt.kind is ReceiptKind.OPTED_OUT and item.fact.message_id is not None]
    went = await identities.recipients(connection, named)
    said = {
        kind: [
            (person, channel.name, f"receipt:{item.fact.event_id}")
            for item in fresh
            if item.receipt.kind is kind
            for person in _speakers(item, owners, went)
        ]
        for kind in (ReceiptKind.OPTED_OUT, ReceiptKind.OPTED_IN, ReceiptKind.COMPLAINED)
    }
    by_mail = channel.inbox is not None
    await opt_out(house, connection, said[ReceiptKind.OPTED_OUT], now, Source.MAIL if by_mail else Source.RECEIPT)
    await complain(house, connection, said[ReceiptKind.COMPLAINED], now)
    await opt_in(connection, said[ReceiptKind.OPTED_IN], now)
    strangers = [
        (channel.addresses, item.receipt.address, channel.name, f"receipt:{item.fact.event_id}")
        for item in fresh
        if item.receipt.kind is ReceiptKind.OPTED_OUT and item.receipt.address and not _speakers(item, owners, went)
    ]
    # Who is no customer yet has spoken all the same: it holds once a file brings them.
    await refuse_address(house, connection, "opt_out", strangers, now, Source.RECEIPT)
    dead = [
        (channel.addresses, item.receipt.address, item.receipt.code or "receipt", f"receipt:{item.fact.event_id}")
        for item in fresh
        if item.receipt.drop_address and item.receipt.address
    ]
    await drop_addresses(connection, dead, now, Source.BOUNCE if by_mail else Source.RECEIPT)
    for item in fresh:
        if item.receipt.kind in ABOUT_PEOPLE or item.receipt.kind is ReceiptKind.COMPLAINED:
            log.info(f"customer.{item.receipt.kind}", channel=channel.name, receipt_id=item.row.id)


async def _more(house: House, connection: AsyncConnection, channel: Channel, words: Sequence[Word], now: datetime) -> None:
    """What they say of people's whereabouts, of our texts and of the account."""
    failed = [(word.fact.message_id, word.receipt) for word in words if word.receipt.kind is ReceiptKind.FAILED]
    known = [(message, receipt) for message, receipt in failed if message is not None]
    await suppressions.drop_by_id(connection, await aftermath.of_receipts(connection, channel, known, now), now)
    await learn(connection, channel, words, now)
    await move(connection, channel, words, now)
    await heed(house, connection, channel, [word.receipt for word in words], now)


def _speakers(item: Told, owners: Mapping[str, Sequence[int]], went: Mapping[int, identities.Recipient]) -> Sequence[int]:
    """Whose word it is: the person it is known to be of, else everybody with the address, else who got the message it answers."""
    if item.fact.person_id is not None:
        return [item.fact.person_id]
    message = item.fact.message_id
    return owners.get(item.receipt.address or "", ()) or ([went[message].person_id] if message is not None and message in went else [])
