"""Receipts about people who were forgotten: what they say of a message counts, what they say of the person is not kept."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.house import House
from jobs.links import MESSAGE_KEY
from jobs.told import Told
from jobs.unheard import ABOUT_PEOPLE
from store import erased

MOST = 10_000  # of a body of megabytes
_ADDRESSES = {
    "email": re.compile(r"[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"),  # bounded: a long word must not take time by its square
    "phone": re.compile(r"(?<!\d)\+?\d{8,15}(?!\d)", re.ASCII),
}
_TOKEN = re.compile(r"[\w:.-]{16,}")
_MESSAGE = re.compile(rf"{MESSAGE_KEY}(\d{{1,18}})(?!\d)", re.ASCII)
_SOFT_BREAK = re.compile(r"=\r?\n")  # of quoted-printable (RFC 2045, 6.7)


async def without_them(house: House, connection: AsyncConnection, found: Sequence[Told]) -> tuple[list[Told], set[int]]:
    """The same with nothing in their facts that names them; and the ids of the stored bodies that do.

    An opt-out still holds, for the address, which is kept as a hash.
    """
    addresses = [(sort, item.receipt.address) for item in found if item.receipt.address and (sort := _sort(house, item))]
    gone, messages = await erased.gone(connection, addresses, [item.fact.message_id for item in found if item.fact.message_id])
    if not gone and not messages:
        return list(found), set()
    theirs = [item.receipt.address in gone or item.fact.message_id in messages for item in found]
    bodies = {item.row.id for item, their in zip(found, theirs, strict=True) if their}
    return [_nameless(item) if their else item for item, their in zip(found, theirs, strict=True)], bodies


async def named_in(house: House, connection: AsyncConnection, rows: Sequence[Any]) -> set[int]:
    """Of stored bodies that cannot be worked on, the ids of those that hold an address or a message of somebody forgotten."""
    if not rows or not await erased.any_forgotten(connection):
        return set()
    held = {row.id: _held(house, row) for row in rows}
    gone, theirs = await erased.gone(
        connection,
        list({address for addresses, _ in held.values() for address in addresses}),
        list({message for _, messages in held.values() for message in messages}),
    )
    return {number for number, (addresses, messages) in held.items() if messages & theirs or any(value in gone for _, value in addresses)}


def _held(house: House, row: Any) -> tuple[set[tuple[str, str]], set[int]]:
    """What may be addresses, (sort, value) each, and messages, in a body that says nothing else to us."""
    words = _SOFT_BREAK.sub("", row.body.decode(errors="replace"))
    channel = house.channels.get(row.source)
    sort = channel.addresses if channel else None
    found = islice(_ADDRESSES.get(sort, _TOKEN).finditer(words), MOST) if sort else ()
    values = ("+" + each[0].lstrip("+") if sort == "phone" else each[0] for each in found)
    return {(sort, value) for value in values if sort}, {int(each[1]) for each in islice(_MESSAGE.finditer(words), MOST)}


def _sort(house: House, item: Told) -> str | None:
    return house.channels[item.row.source].addresses


def _nameless(item: Told) -> Told:
    """As store.erased.digest: a repeat is known by the same id."""
    event_id = erased.MARK + hashlib.sha256(item.fact.event_id.encode()).hexdigest()[:32]
    detail = None if item.receipt.kind in ABOUT_PEOPLE else item.fact.detail
    return replace(item, fact=replace(item.fact, event_id=event_id, detail=detail))
