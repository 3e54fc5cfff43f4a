"""The reservoir as one pass of the valve finds it: what may be looked at now, what only waits, and how much room there is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.catalog import Published
from jobs.house import Holds, House
from rules.timetable import timetable
from store import limits, messages, runs, versions

HORIZON = 5.0  # seconds of work kept released per channel: decisions stay late, workers stay busy
PASS = 4_000  # candidates judged in one transaction
SLOTS = 64  # (run, channel, window key) ranges asked in one query

Lane = tuple[int, str]  # run id, channel
Slot = tuple[int, str, str]  # run id, channel, window key


@dataclass(frozen=True, slots=True)
class Reservoir:
    """lanes: not held by a pause or for approval; slots: of them those open now, with room, the most important first.

    room: how many more messages each channel takes now; kept: how many more than that, if they are important
    not_before: when one of a channel's accounts may send again, if none may now
    """

    published: Published
    lanes: frozenset[Lane]
    slots: tuple[Slot, ...]
    room: dict[str, int]
    kept: dict[str, int]
    not_before: Mapping[str, datetime]
    campaigns: Mapping[int, str]


async def look(house: House, connection: AsyncConnection, now: datetime, most: Mapping[str, int]) -> Reservoir | None:
    """None before anything was published. most: no more room than this, by channel."""
    published = await house.catalog.newest(connection)
    if published is None:
        return None
    pauses, approved, accounts = await _holds(house, connection)
    stock = {channel: _stock([each for each in accounts if each.channel == channel], now) for channel in house.channels}
    out = await messages.outstanding(connection)
    room = {channel: min(free := size - out.get(channel, 0), most.get(channel, free)) for channel, size in stock.items()}
    important = published.config.accounts.important
    kept = {channel: ceil(size * important.share / 10_000) for channel, size in stock.items()}
    active = sorted(
        (run for run in await runs.active(connection) if run.campaign in published.config.campaigns),  # reconcile withdraws the others
        key=lambda run: (-published.policy.category(run.category).priority, run.expires_at, run.id),
    )
    lanes = [
        (run, channel)
        for run in active
        if not held_for_approval(published, run.category, run.campaign, run.content_hash, approved)
        for channel in run.channels
        if not any(pause.holds(run.campaign, channel) for pause in pauses)
    ]
    openings = _open_keys(published, {key for run, _ in lanes for key in run.window_keys}, now)
    return Reservoir(
        published,
        frozenset((run.id, channel) for run, channel in lanes),
        tuple(_slots(published, lanes, openings, room, kept)),
        room,
        kept,
        _not_before(accounts, now),
        {run.id: run.campaign for run in active},
    )


async def _holds(house: House, connection: AsyncConnection) -> Holds:
    if house.known is not None and house.known.holds is not None:
        return house.known.holds
    holds = await versions.pauses(connection), await versions.approvals(connection), await limits.every(connection)
    if house.known is not None:
        house.known.holds = holds
    return holds


def held_for_approval(published: Published, category: str, campaign: str, content_hash: str, approved: Collection[tuple[str, str]]) -> bool:
    """A category that no longer exists keeps its content back as an offer would."""
    return published.policy.category(category).needs_approval and (campaign, content_hash) not in approved


def parts(slots: Sequence[Slot]) -> Iterator[Sequence[Slot]]:
    """As many slots as one query is asked for; they come the most important run first."""
    for start in range(0, len(slots), SLOTS):
        yield slots[start : start + SLOTS]


def _slots(
    published: Published,
    lanes: Sequence[tuple[runs.Run, str]],
    openings: Collection[str],
    room: Mapping[str, int],
    kept: Mapping[str, int],
) -> Iterator[Slot]:
    for run, channel in lanes:
        free = "window" in published.policy.category(run.category).ignore
        spare = kept.get(channel, 0) if published.is_important(run.category) else 0
        if room.get(channel, 0) + spare > 0:
            yield from ((run.id, channel, key) for key in run.window_keys if free or key in openings)


def _stock(accounts: Sequence[limits.Limit], now: datetime) -> int:
    """How much of a channel may be released and not yet sent: what its accounts can send soon. One message to try one that failed."""
    soon = now + timedelta(seconds=HORIZON)
    able = [each for each in accounts if (free := each.free_at(now)) is not None and free <= soon]
    rate = sum(each.rate for each in able if each.breaker == "closed")
    return max(int(rate * HORIZON), 1) if able else 0


def _not_before(accounts: Sequence[limits.Limit], now: datetime) -> dict[str, datetime]:
    free: dict[str, list[datetime]] = {}
    for each in accounts:
        if (at := each.free_at(now)) is not None:
            free.setdefault(each.channel, []).append(at)
    return {channel: min(ats) for channel, ats in free.items() if min(ats) > now}


def _open_keys(published: Published, keys: Collection[str], now: datetime) -> frozenset[str]:
    """Keys whose window is open, and those that have none: their messages are looked at to be suppressed."""
    found = set()
    for key in keys:
        if _may_open(published, key, now):
            found.add(key)
    return frozenset(found)


def _may_open(published: Published, key: str, now: datetime) -> bool:
    """Of a time zone that this machine does not know, too: whoever lives there is looked at, and set aside."""
    _, hours, zone = published.window(key)
    try:
        return hours is None or timetable(published.calendar).openings(zone, (hours,)).is_open(now)
    except (KeyError, ValueError, OSError):  # what ZoneInfo raises for a name it does not know, a bad one, and a directory
        return True
