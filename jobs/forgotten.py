"""Receipts about people who were forgotten: what they say of a message counts, what they say of the person is not kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.house import House
from jobs.told import Told
from jobs.unheard import ABOUT_PEOPLE
from store import erased


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


def _sort(house: House, item: Told) -> str | None:
    return house.channels[item.row.source].addresses


def _nameless(item: Told) -> Told:
    """As store.erased.digest: a repeat is known by the same id."""
    event_id = erased.MARK + hashlib.sha256(item.fact.event_id.encode()).hexdigest()[:32]
    detail = None if item.receipt.kind in ABOUT_PEOPLE else item.fact.detail
    return replace(item, fact=replace(item.fact, event_id=event_id, detail=detail))
