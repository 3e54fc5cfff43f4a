"""Audit: what was really sent against the rules in force at the time. Shares no decision with the valve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs import audit_books
from jobs.house import House
from jobs.popups import ON_SCREEN
from store import audit_checks, audit_frame, audit_hours, audit_screens, upkeep, versions
from store.audit_frame import Book, Seen
from store.breaches import Breach, Kind

SHOWN = 50  # breaches told one by one; all are counted
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Audit:
    """The verdict. counts: breaches of each kind there is any of. found: the first of them, by kind and time."""

    messages: int
    people: int
    counts: dict[Kind, int]
    found: tuple[Breach, ...]

    @property
    def clean(self) -> bool:
        return not self.counts


async def examine(house: House, since: datetime | None = None, *, shown: int = SHOWN) -> Audit:
    """Judge everything released since an instant, and not failed, and what was carried or shown since; all of it when none is given.

    Changes nothing but the planner's statistics.
    """
    since = since or BEGINNING
    async with house.database.begin() as connection:
        await upkeep.analyze(connection)
    async with house.database.begin() as connection:
        newest = await versions.newest(connection)
        if newest is None:
            return Audit(0, 0, {}, ())
        seen = await audit_frame.seen(connection, since, newest) or [Seen(newest, since, since)]
        books = await _messages(house, connection, seen, since, newest)
        await _screens(house, connection, since)
        messages, people = await audit_frame.size(connection)
        counts, found = await _verdict(connection, await _given(house, connection, books, since), books[-1].zone, shown)
    return Audit(messages, people, counts, found)


async def _messages(house: House, connection: AsyncConnection, seen: Sequence[Seen], since: datetime, newest: int) -> list[Book]:
    editions = await audit_books.editions(house, connection, seen)
    first, last = min(each.first for each in seen), max(each.last for each in seen)
    personal = [name for name, channel in house.channels.items() if channel.personal]
    books = [audit_books.book(edition, first, last, personal) for edition in editions]
    await audit_frame.frame(connection, books, since=since, lookback=audit_books.lookback(editions), newest=newest)
    await audit_hours.put_hours(connection, await audit_books.hours(connection, editions))
    return books


async def _screens(house: House, connection: AsyncConnection, since: datetime) -> None:
    eras, longest = await audit_books.eras(house, connection)
    await audit_screens.frame(connection, eras, since=since, lookback=max(longest, ON_SCREEN))


async def _given(house: House, connection: AsyncConnection, books: Sequence[Book], since: datetime) -> dict[str, Any]:
    """What the checks ask for by name."""
    numbered = list(enumerate(books))
    return {
        "caps": [{"book": n, **cap} for n, book in numbered for cap in book.caps],
        "uncounted": [{"book": n, "category": each["category"]} for n, book in numbered for each in book.categories if not each["counts"]],
        "orders": await audit_books.orders(house, connection),
        "sorts": [{"channel": name, "sort": channel.addresses} for name, channel in house.channels.items() if channel.addresses],
        "repeat_is_safe": [name for name, channel in house.channels.items() if channel.repeat_is_safe],
        "on_screen": ON_SCREEN,
        "since": since,
    }


async def _verdict(
    connection: AsyncConnection, given: Mapping[str, Any], zone: str, shown: int
) -> tuple[dict[Kind, int], tuple[Breach, ...]]:
    counts: dict[Kind, int] = {}
    found: list[list[Breach]] = []
    for kind in Kind:
        total, some = await audit_checks.find(connection, kind, most=shown, zone=zone, given=given)
        if total:
            counts[kind] = total
            found.append(some)
    fair = max(shown // max(len(counts), 1), 1)  # no kind crowds out another
    return counts, tuple(breach for some in found for breach in some[:fair])
