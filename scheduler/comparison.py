"""Two rehearsals of the same time and database, one by each configuration, laid side by side: what a change of config changes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from sys import maxsize

from sqlalchemy.ext.asyncio import AsyncConnection

from config.loader import Config
from jobs.catalog import Published
from jobs.house import House
from rules.timetable import timetable
from scheduler.changes import CHANNELS, FIRST_CHANNEL, Change, Kind, Pair, hindrance, kind_of, pairs
from scheduler.pairing import numbered
from scheduler.rehearsal import Show, rehearse
from scheduler.tally import Tally
from store import compared
from store.compared import Outcome, RunRow
from store.snapshot import exported

_BLOCKER = re.compile(r"(gap|same_topic|pending_higher_priority|digest|not_carried):(\d+)")
_PAGE = 1_000
_Key = tuple[int, int, int]
_Group = tuple[_Key, list[Outcome]]
_END: _Group = ((maxsize, 0, 0), [])


@asynccontextmanager
async def rehearse_both(
    house: House, before: Config, after: Config, since: datetime, until: datetime, shows: tuple[Show, Show]
) -> AsyncIterator[Comparison]:
    """Play both configurations from `since` to `until` (aware), each on a copy of the same moment; yields what can be asked of them."""
    async with AsyncExitStack() as stack:
        async with exported(house.database) as snapshot:
            was = await stack.enter_async_context(rehearse(house, before, since, until, shows[0], snapshot))
            now = await stack.enter_async_context(rehearse(house, after, since, until, shows[1], snapshot))
        first, second = numbered(await _runs(was), await _runs(now))
        yield Comparison(await _side(was, first), await _side(now, second), since)


@dataclass(frozen=True, slots=True)
class Side:
    """One rehearsal that has been played.

    numbers: run id → its number, the same for the same run of the other side
    planned: the numbers of this side
    """

    house: House
    published: Published
    numbers: Mapping[int, int]
    planned: frozenset[int]

    def closed(self, key: str, at: datetime) -> str | None:
        """The name of a window that is closed at an instant."""
        name, hours, zone = self.published.window(key)
        is_open = hours is not None and timetable(self.published.calendar).openings(zone, (hours,)).is_open(at)
        return None if is_open else name


@dataclass(frozen=True)
class Comparison:
    """What two rehearsals made of the same messages."""

    before: Side
    after: Side
    since: datetime

    async def changes(self, tally: Tally) -> AsyncIterator[list[Change]]:
        """What is different, in pages, by campaign, occurrence and customer. All of it is counted in `tally` as it comes."""
        async with self.before.house.database.begin() as first, self.after.house.database.begin() as second:
            found: list[Change] = []
            async for was, now in _side_by_side(
                _groups(compared.outcomes(first, self.before.numbers, self.since)),
                _groups(compared.outcomes(second, self.after.numbers, self.since)),
            ):
                for pair in pairs(was, now):
                    kind = kind_of(*pair)
                    tally.count(*pair, same=kind is None)
                    found += [Change(kind, *pair, self._rule(kind, pair, bool(was), bool(now)))] if kind else []
                if len(found) >= _PAGE:
                    yield tally.add(await _named(found, first, second))
                    found = []
            yield tally.add(await _named(found, first, second))

    def _rule(self, kind: Kind, pair: Pair, was: bool, now: bool) -> str:
        """was, now: the run addresses the person on that side, be it by another channel."""
        before, after = pair
        by_before = Change(kind, before, after, "").by_before
        (side, stopped, other, addressed) = (self.before, before, after, was) if by_before else (self.after, after, before, now)
        if kind is Kind.CHANNEL:
            return self._other_channel(pair)
        if stopped is None:
            assert other is not None
            return self._absent(side, other, addressed)
        return hindrance(stopped, other, side.closed)

    def _other_channel(self, pair: Pair) -> str:
        """Were the campaign's channels changed, or does the first of them not let it go?"""
        name = Change(Kind.CHANNEL, *pair, "").message.campaign
        was, now = (side.published.config.campaigns.get(name) for side in (self.before, self.after))
        return CHANNELS if was is None or now is None or was.channels != now.channels else FIRST_CHANNEL

    def _absent(self, side: Side, other: Outcome, addressed: bool) -> str:
        if other.campaign not in side.published.config.campaigns:
            return "not_planned:campaign"
        if addressed:
            return "not_planned:channel"
        return "not_planned:audience" if other.run in side.planned else "not_planned:run"


async def _runs(house: House) -> list[RunRow]:
    async with house.database.begin() as connection:
        return await compared.runs(connection)


async def _side(house: House, numbers: Mapping[int, int]) -> Side:
    async with house.database.begin() as connection:
        published = await house.catalog.newest(connection)
        assert published is not None  # a rehearsal publishes what it plays
        return Side(house, published, numbers, frozenset(numbers.values()))


async def _groups(pages: AsyncIterator[Sequence[Outcome]]) -> AsyncIterator[_Group]:
    """The messages of one run to one person about one event, together; ends with _END."""
    key, group = _END
    async for page in pages:
        for found, items in groupby(page, lambda each: (each.run, each.person_id, each.event_ref)):
            if found == key:
                group += items  # went on over the end of a page
                continue
            if group:
                yield key, group
            key, group = found, list(items)
    if group:
        yield key, group
    yield _END


async def _side_by_side(before: AsyncIterator[_Group], after: AsyncIterator[_Group]) -> AsyncIterator[tuple[list[Outcome], list[Outcome]]]:
    """Two sorted streams as one: what both have of a key, an empty list for the side that has nothing."""
    was, now = await anext(before), await anext(after)
    while (key := min(was[0], now[0])) != _END[0]:
        on_left, on_right = was[0] == key, now[0] == key
        yield (was[1] if on_left else []), (now[1] if on_right else [])
        was = await anext(before) if on_left else was
        now = await anext(after) if on_right else now


async def _named(found: Sequence[Change], before: AsyncConnection, after: AsyncConnection) -> list[Change]:
    """With the campaign of the message that stood in the way, instead of its number in a scratch copy."""
    names = [await _campaigns(found, connection, by_before) for connection, by_before in ((after, False), (before, True))]
    return [replace(change, rule=_translated(change.rule, names[change.by_before])) for change in found]


async def _campaigns(found: Sequence[Change], connection: AsyncConnection, by_before: bool) -> Mapping[int, str]:
    matches = (_BLOCKER.fullmatch(change.rule) for change in found if change.by_before is by_before)
    ids = {int(match[2]) for match in matches if match}
    return await compared.campaigns_of(connection, sorted(ids)) if ids else {}


def _translated(rule: str, names: Mapping[int, str]) -> str:
    match = _BLOCKER.fullmatch(rule)
    return f"{match[1]}:{names.get(int(match[2]), 'an earlier message')}" if match else rule
