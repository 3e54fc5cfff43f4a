"""The reservoir as one pass of the valve finds it: what may be looked at now, what only waits, and how much room there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

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

    room: how many more messages each channel takes now; not_before: when a channel's account may send again, if not now.
    """

    published: Published
    lanes: frozenset[Lane]
    slots: tuple[Slot, ...]
    room: dict[str, int]
    not_before: Mapping[str, datetime]
    campaigns: Mapping[int, str]


async def look(house: House, connection: AsyncConnection, now: datetime, most: Mapping[str, int]) -> Reservoir | None:
    """None before anything was published. most: no more room than this, by channel."""
    published = await house.catalog.newest(connection)
    if published is None:
        return None
    pauses, approved, accounts = await _holds(house, connection)
    room = dict.fromkeys(house.channels, 0) | await _room(connection, accounts, now)
    room = {channel: min(free, most.get(channel, free)) for channel, free in room.items()}
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
        tuple(_slots(published, lanes, openings, room)),
        room,
        {account.channel: account.open_until for account in accounts if account.open_until is not None and account.open_until > now},
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
    published: Published, lanes: Sequence[tuple[runs.Run, str]], openings: Collection[str], room: Mapping[str, int]
) -> Iterator[Slot]:
    for run, channel in lanes:
        free = "window" in published.policy.category(run.category).ignore
        if room.get(channel, 0) > 0:
            yield from ((run.id, channel, key) for key in run.window_keys if free or key in openings)


async def _room(connection: AsyncConnection, accounts: Sequence[limits.Limit], now: datetime) -> dict[str, int]:
    out = await messages.outstanding(connection)
    room: Counter[str] = Counter()
    for limit in accounts:
        blocked = limit.open_until is not None and limit.open_until > now + timedelta(seconds=HORIZON)
        room[limit.channel] += 0 if blocked else max(int(limit.rate * HORIZON), 1)
    return {channel: count - out.get(channel, 0) for channel, count in room.items()}


def _open_keys(published: Published, keys: Collection[str], now: datetime) -> frozenset[str]:
    """Keys whose window is open, and those that have none: their messages are looked at to be suppressed."""
    found = set()
    for key in keys:
        _, hours, zone = published.window(key)
        if hours is None or timetable(published.calendar).openings(zone, (hours,)).is_open(now):
            found.add(key)
    return frozenset(found)
