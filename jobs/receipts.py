"""Receipts: stored webhooks become facts about messages and people. Order, repeats and crashes do not change the outcome."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Channel, Receipt, ReceiptKind
from jobs.belief import believed, by_message
from jobs.house import House
from jobs.links import message_id
from jobs.withdrawal import complain, drop_addresses, opt_in, opt_out
from store import receipts
from store.sent_to import SentTo, sent_to, worn_out
from store.suppressions import Source

log = structlog.get_logger()

BATCH = 200
AGAIN = timedelta(seconds=5)
KEPT = timedelta(hours=1)  # how long a receipt waits for a message that is not known or not settled yet

_ABOUT_PEOPLE = {ReceiptKind.OPTED_OUT, ReceiptKind.OPTED_IN, ReceiptKind.REPLIED}
_SPOKEN = (ReceiptKind.OPTED_OUT, ReceiptKind.OPTED_IN, ReceiptKind.COMPLAINED)


@dataclass(frozen=True, slots=True)
class _Told:
    """One receipt of a stored body, and what was found of it."""

    row: Any
    receipt: Receipt
    fact: receipts.Fact


async def apply_receipts(house: House, now: datetime) -> int:
    """Apply one batch of stored webhooks; returns how many are done with."""
    async with house.database.begin() as connection:
        rows = await receipts.take(connection, now, BATCH)
        told, broken = _read(house, rows)
        found, waiting = await _find(connection, told, now)
        found, went_to = await _believed(house, connection, found)
        found = await _owned(house, connection, found)
        new = await receipts.remember(connection, [item.fact for item in found], now)
        await receipts.move(connection, [item.fact for item in found], now)
        for source in {row.source for row in rows}:
            fresh = [item for item in found if item.row.source == source and item.fact.event_id in new]
            await _people(house, connection, house.channels[source], fresh, now)
            await _worn_out(connection, house.channels[source], fresh, went_to, now)
        done = [(row.id, broken.get(row.id)) for row in rows if row.id not in waiting]
        await receipts.done(connection, done, now)
        await receipts.again(connection, sorted(waiting), now + AGAIN)
    for row, error in done:
        if error:
            log.warning("receipt.unreadable", receipt_id=row, error=error)
    return len(done)


def _read(house: House, rows: Sequence[Any]) -> tuple[list[_Told], dict[int, str]]:
    told: list[_Told] = []
    broken: dict[int, str] = {}
    for row in rows:
        channel = house.channels.get(row.source)
        try:
            parsed = _parsed(channel, row) if channel else []
        except ValueError as error:
            broken[row.id] = f"{type(error).__name__}: {error}"[:200]
            continue
        told += [_Told(row, receipt, _fact(row.source, receipt)) for receipt in parsed]
    return told, broken


def _parsed(channel: Channel, row: Any) -> Sequence[Receipt]:
    if channel.inbox is not None:
        return channel.inbox.parse(row.body, row.received_at)
    return channel.webhook.parse(row.body) if channel.webhook is not None else []


def _fact(source: str, receipt: Receipt) -> receipts.Fact:
    # An address is nobody's business in an id that is shown and kept as evidence.
    person = hashlib.sha256((receipt.address or "").encode()).hexdigest()[:16]
    about = receipt.key or receipt.provider_id or person
    return receipts.Fact(
        event_id=f"{source}:{about}:{receipt.kind}:{int(receipt.at.timestamp())}",
        kind=receipt.kind,
        at=receipt.at,
        message_id=message_id(receipt.key),
        detail=receipt.code or receipt.text,
        channel=source,
        unreachable=receipt.unreachable or receipt.drop_address,
    )


async def _find(connection: AsyncConnection, told: Sequence[_Told], now: datetime) -> tuple[list[_Told], set[int]]:
    """Those whose message is known and settled, and the ids of stored bodies that have to wait."""
    refs = await receipts.resolve(connection, [(item.fact.message_id, item.receipt.provider_id, item.row.source) for item in told])
    found: list[_Told] = []
    waiting: set[int] = set()
    for item, (known, early) in zip(told, refs, strict=True):
        names_message = item.receipt.kind not in _ABOUT_PEOPLE
        if names_message and (known is None or early) and item.row.received_at > now - KEPT:
            waiting.add(item.row.id)
        else:
            found.append(replace(item, fact=replace(item.fact, message_id=known)))
    return found, waiting


async def _believed(
    house: House, connection: AsyncConnection, found: Sequence[_Told]
) -> tuple[list[_Told], Mapping[int, Sequence[SentTo]]]:
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


async def _owned(house: House, connection: AsyncConnection, found: Sequence[_Told]) -> list[_Told]:
    """What people say without naming a message, under whose it is where one person alone has the address."""
    owners: dict[str, list[int]] = {}
    for source in {item.row.source for item in found}:
        sort = house.channels[source].addresses
        spoken = [item.receipt.address for item in found if item.row.source == source and item.receipt.address]
        owners |= await receipts.owners(connection, sort, spoken) if sort and spoken else {}
    return [_with_owner(item, owners.get(item.receipt.address or "", [])) for item in found]


def _with_owner(item: _Told, people: Sequence[int]) -> _Told:
    if item.receipt.kind not in _ABOUT_PEOPLE or len(people) != 1 or item.fact.person_id is not None:
        return item
    return replace(item, fact=replace(item.fact, person_id=people[0]))


async def _people(house: House, connection: AsyncConnection, channel: Channel, fresh: Sequence[_Told], now: datetime) -> None:
    """Opt-outs, opt-ins and dead addresses; replies are kept for a person to see."""
    if channel.addresses is None:
        return
    by_mail = channel.inbox is not None
    owners = await receipts.owners(connection, channel.addresses, [item.receipt.address for item in fresh if item.receipt.address])
    said = {
        kind: [
            (person, channel.name, f"receipt:{item.fact.event_id}")
            for item in fresh
            if item.receipt.kind is kind
            for person in _speakers(item, owners)
        ]
        for kind in _SPOKEN
    }
    await opt_out(house, connection, said[ReceiptKind.OPTED_OUT], now, Source.MAIL if by_mail else Source.RECEIPT)
    await complain(house, connection, said[ReceiptKind.COMPLAINED], now)
    await opt_in(connection, said[ReceiptKind.OPTED_IN], now)
    dead = [
        (channel.addresses, item.receipt.address, item.receipt.code or "receipt", f"receipt:{item.fact.event_id}")
        for item in fresh
        if item.receipt.drop_address and item.receipt.address
    ]
    await drop_addresses(connection, dead, now, Source.BOUNCE if by_mail else Source.RECEIPT)
    for item in fresh:
        if item.receipt.kind in _ABOUT_PEOPLE or item.receipt.kind is ReceiptKind.COMPLAINED:
            log.info(f"customer.{item.receipt.kind}", channel=channel.name, receipt_id=item.row.id)


def _speakers(item: _Told, owners: Mapping[str, Sequence[int]]) -> Sequence[int]:
    """Whose word it is: the person the message went to, else everybody with the address."""
    return [item.fact.person_id] if item.fact.person_id is not None else owners.get(item.receipt.address or "", [])


async def _worn_out(
    connection: AsyncConnection, channel: Channel, fresh: Sequence[_Told], went_to: Mapping[int, Sequence[SentTo]], now: datetime
) -> None:
    """Addresses that gave back too much for too long, though each time there was hope."""
    failed = [item for item in fresh if item.receipt.kind is ReceiptKind.FAILED and not item.receipt.drop_address]
    if channel.inbox is None or channel.addresses is None or not failed:
        return
    patience = channel.inbox.patience(channel.settings.read())
    asked = [entry.id for item in failed for entry in went_to.get(item.fact.message_id or 0, [])]
    found = await worn_out(connection, asked, channel=channel.name, reasons=[*patience.reasons], times=patience.times, span=patience.span)
    dead = [(channel.addresses, value, "soft_repeated", f"{times} messages came back in a row") for value, times in found]
    if await drop_addresses(connection, dead, now):
        log.info("address.worn_out", channel=channel.name, addresses=len(dead))
