"""A provider lets us write to so many different people a day: who does not fit waits for a place, the most important first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Channel
from jobs.house import House
from rules.arbitration import Decision
from rules.facts import Candidate, Code, Defer, Policy, Reason, Release
from store import quota

log = structlog.get_logger()

RESERVE = 10  # offers leave one place in so many to everything else
DAY = timedelta(hours=24)


async def keep_to(
    house: House, connection: AsyncConnection, decisions: Sequence[Decision], policy: Policy, now: datetime
) -> list[Decision]:
    """The decisions, with releases that no place is left for deferred until one falls free. The valve's lock keeps a place from two.

    A place is taken when a message is released, and kept for a day from when it is sent; further messages to the same person are free.
    """
    kept = list(decisions)
    channels = {verdict.channel for _, verdict in decisions if isinstance(verdict, Release)}
    counted = [house.channels[name] for name in sorted(channels) if house.channels[name].quota is not None]
    if not counted:
        return kept
    limits = {found.channel: found for found in await quota.every(connection, now)}
    for channel in counted:
        if channel.name in limits:
            kept = await _within(connection, channel, limits[channel.name], kept, policy, now)
    return kept


async def _within(
    connection: AsyncConnection, channel: Channel, limit: quota.Quota, decisions: list[Decision], policy: Policy, now: datetime
) -> list[Decision]:
    going = [candidate for candidate, verdict in decisions if isinstance(verdict, Release) and verdict.channel == channel.name]
    going.sort(key=lambda candidate: -candidate.priority)
    known = await quota.known(connection, channel.name, [candidate.person_id for candidate in going], now)
    left_out: list[Candidate] = []
    new: set[int] = set()
    for candidate in going:
        if candidate.person_id not in known and candidate.person_id not in new:
            if limit.people is not None and limit.used + len(new) >= _allowed(limit.people, candidate, policy):
                left_out.append(candidate)
                continue
            new.add(candidate.person_id)
    waiting = {candidate.id for candidate in left_out}
    await quota.reach(connection, channel.name, [(candidate.person_id, now) for candidate in going if candidate.id not in waiting])
    if limit.people is None or not left_out:
        return decisions
    used = limit.used + len(new)
    untils = await _turns(connection, channel, used, [(item, _allowed(limit.people, item, policy)) for item in left_out], now)
    log.warning("quota.full", channel=channel.name, people=limit.people, used=used, waiting=len(left_out))
    reason = Reason(Code.QUOTA, channel.name)
    return [(item, Defer(untils[item.id], reason) if item.id in waiting else verdict) for item, verdict in decisions]


def allowed(people: int, *, offer: bool) -> int:
    """How many of a day's people messages of this sort may take up."""
    return people - people // RESERVE if offer else people


def _allowed(people: int, candidate: Candidate, policy: Policy) -> int:
    return allowed(people, offer=policy.category(candidate.category).offer)


async def _turns(
    connection: AsyncConnection, channel: Channel, used: int, left_out: Sequence[tuple[Candidate, int]], now: datetime
) -> dict[int, datetime]:
    """When each may expect a place, behind those that wait already and are as important; none is looked at before that."""
    ahead = Counter(await quota.waiting(connection, channel.name, str(Reason(Code.QUOTA, channel.name))))
    places: dict[int, int] = {}
    for candidate, allowed in left_out:
        before = sum(n for priority, n in ahead.items() if priority >= candidate.priority)
        places[candidate.id] = used - allowed + before
        ahead[candidate.priority] += 1
    wanted = sorted({place % used for place in places.values()})
    free = await quota.free_at(connection, channel.name, wanted[0], wanted[-1] - wanted[0] + 1, now)
    return {item: free[min(place % used - wanted[0], len(free) - 1)] + DAY * (place // used) for item, place in places.items()}
