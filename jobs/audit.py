"""Audit: what was really sent against the rules in force at the time. Shares no decision with the valve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from config.models import Cap, Category, Rules
from config.values import Calendar, OpenHours, parse_weekly_hours
from jobs.catalog import Published
from jobs.house import House
from store import audit_frame, breaches, upkeep, versions
from store.audit_frame import Book, Seen, Stretch
from store.breaches import Breach, Kind

SHOWN = 50  # breaches told one by one; all are counted
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_SLACK = timedelta(days=2)  # local days and nights that begin before or end after the instants asked about
_PERIODS = {Calendar.DAY: timedelta(days=2), Calendar.WEEK: timedelta(days=8), Calendar.MONTH: timedelta(days=32)}


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


@dataclass(frozen=True, slots=True)
class _Edition:
    """Versions whose rules are the same."""

    published: Published
    versions: tuple[int, ...]


async def examine(house: House, since: datetime | None = None, *, shown: int = SHOWN) -> Audit:
    """Judge everything released since an instant, and not failed; all of it when none is given.

    Changes nothing but the planner's statistics.
    """
    since = since or BEGINNING
    async with house.database.begin() as connection:
        await upkeep.analyze(connection)
    async with house.database.begin() as connection:
        newest = await versions.newest(connection)
        seen = await audit_frame.seen(connection, since, newest) if newest is not None else []
        if newest is None or not seen:
            return Audit(0, 0, {}, ())
        editions = await _editions(house, connection, seen)
        books = [_book(edition, min(each.first for each in seen), max(each.last for each in seen)) for edition in editions]
        lookback = max(_lookback(edition.published.config.rules) for edition in editions) + audit_frame.GRACE
        await audit_frame.frame(connection, books, since=since, lookback=lookback, newest=newest)
        await audit_frame.put_hours(connection, await _hours(connection, editions))
        messages, people = await audit_frame.size(connection)
        return await _verdict(house, connection, books, messages, people, shown)


async def _verdict(house: House, connection: AsyncConnection, books: Sequence[Book], messages: int, people: int, shown: int) -> Audit:
    counts: dict[Kind, int] = {}
    found: list[list[Breach]] = []
    for kind in Kind:
        total, some = await breaches.find(
            connection,
            kind,
            most=shown,
            books=books,
            personal=[name for name, channel in house.channels.items() if channel.personal],
            repeat_is_safe=[name for name, channel in house.channels.items() if channel.repeat_is_safe],
        )
        if total:
            counts[kind] = total
            found.append(some)
    fair = max(shown // max(len(counts), 1), 1)  # no kind crowds out another
    return Audit(messages, people, counts, tuple(breach for some in found for breach in some[:fair]))


async def _editions(house: House, connection: AsyncConnection, seen: Sequence[Seen]) -> list[_Edition]:
    """Most versions differ in campaigns and texts alone, and are judged together."""
    editions: list[_Edition] = []
    for each in seen:
        published = await house.catalog.version(connection, each.version)
        same = next((n for n, known in enumerate(editions) if known.published.config.rules == published.config.rules), None)
        if same is None:
            editions.append(_Edition(published, (each.version,)))
        else:
            editions[same] = _Edition(editions[same].published, (*editions[same].versions, each.version))
    return editions


def _book(edition: _Edition, first: datetime, last: datetime) -> Book:
    rules, calendar = edition.published.config.rules, edition.published.calendar
    days = ((first - _SLACK).date() + timedelta(days=n) for n in range((last - first + 3 * _SLACK).days))
    return Book(
        versions=edition.versions,
        zone=rules.timezone,
        gap=rules.overlap.gap,
        same_topic=rules.overlap.same_topic,
        categories=[_category(name, category) for name, category in rules.categories.items()],
        caps=[_cap(n, cap) for n, cap in enumerate(rules.overlap.caps)],
        holidays=[date.isoformat(day) for day in days if calendar.is_holiday(day)],
    )


def _category(name: str, category: Category) -> dict[str, Any]:
    free = {f"free_{rule}": rule in category.ignore for rule in ("window", "gap", "topic", "caps")}
    return {"category": name, "offer": category.offer, "approval": category.needs_approval, **free}


def _cap(n: int, cap: Cap) -> dict[str, Any]:
    calendar = isinstance(cap.per, Calendar)
    return {
        "n": n,
        "name": cap.name,
        "channel": cap.channel,
        "category": cap.category,
        "most": cap.max,
        "calendar": str(cap.per) if calendar else None,
        "seconds": None if isinstance(cap.per, Calendar) else cap.per.total_seconds(),
    }


def _lookback(rules: Rules) -> timedelta:
    periods = [_PERIODS[cap.per] if isinstance(cap.per, Calendar) else cap.per for cap in rules.overlap.caps]
    return max([rules.overlap.gap, rules.overlap.same_topic, *periods])


async def _hours(connection: AsyncConnection, editions: Sequence[_Edition]) -> list[Stretch]:
    found: list[Stretch] = []
    for n, symbol in await audit_frame.windows(connection):
        found += _week(f"{n}/{symbol}", editions[n].published.window(symbol)[1])
    for n, edition in enumerate(editions):
        found += _week(f"{n}/lawful", edition.published.config.rules.offers_without_hours_consent)
    for written in await audit_frame.personal_hours(connection):
        found += _week(f"text:{written}", _read(written))
    return found


def _read(written: str) -> OpenHours | None:
    """Hours nobody can read are hours at which nothing may come."""
    try:
        return parse_weekly_hours(written)
    except ValueError:
        return None


def _week(key: str, hours: OpenHours | None) -> Iterator[Stretch]:
    if hours is None:
        return
    for holiday in (False, True):
        for weekday in range(7):
            for span in hours.spans(weekday, holiday=holiday):
                yield Stretch(key, weekday + 7 * holiday, span.start * 60, span.end * 60)
