"""The valve: the one place that decides. What is queued and open now, the most important first, is judged at the last moment.

Each pass is one transaction under one advisory lock, so any number of valves decide as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs import digests, facts, freshness, lanes, quotas, riders
from jobs.catalog import Published
from jobs.house import House
from jobs.reservoir import PASS, Reservoir, look, parts
from rules.arbitration import arbitrate
from rules.digest import Outcome
from rules.facts import Candidate, Defer, Merge, Release, Suppress
from store import digests as store_digests
from store import messages

log = structlog.get_logger()

CHUNK = 250
HOUSEKEEPING = 20_000  # messages woken or expired a tick
PASSES = 50  # a tick ends after so many, work left or not


@dataclass
class Report:
    """What one tick decided, by verdict and reason. stock: what it may still release, by channel:

    no more than there was room for at first, since workers that drain the stock would keep one tick, and its `now`, going for minutes.
    """

    released: int = 0
    deferred: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    merged: int = 0
    expired: int = 0
    stock: dict[str, int] = field(default_factory=dict)

    @property
    def decided(self) -> int:
        return self.released + self.deferred.total() + self.suppressed.total() + self.merged + self.expired


async def valve(house: House, now: datetime) -> Report:
    """Decide until the released stock is full or nothing is left that may go now."""
    report = Report()
    async with house.database.begin() as connection:
        if not await _won(house, connection):
            return report
        report.expired = await messages.expire(connection, now, HOUSEKEEPING)
        await messages.wake(connection, now, HOUSEKEEPING)
        stale = await freshness.stale(house, connection, now)
    if stale:
        await freshness.freshen(house, now)
    for _ in range(PASSES):
        before = report.decided
        async with house.database.begin() as connection:
            if not await _won(house, connection):
                break
            more = await _pass(house, connection, max(now, house.clock.now()), report)
        if not more or report.decided == before:
            break
    if report.decided:
        log.info("valve.decided", released=report.released, deferred=report.deferred.total(), suppressed=report.suppressed.total(),
                 merged=report.merged, expired=report.expired)  # fmt: skip
    return report


async def _won(house: House, connection: AsyncConnection) -> bool:
    return house.known is not None or await messages.valve_lock(connection)


async def _pass(house: House, connection: AsyncConnection, now: datetime, report: Report) -> bool:
    """Whether there may be messages left that it has not looked at."""
    found = await look(house, connection, now, report.stock)
    if found is None:
        return False
    for channel, free in found.room.items():
        report.stock.setdefault(channel, free)
    candidates, rivals, more = await _waiting(connection, found)
    if not candidates:
        return False
    published, ids = found.published, {candidate.person_id for candidate in candidates}
    people, history = await facts.of_people(connection, published, list(ids), now, house.known.people if house.known else None)
    decisions = arbitrate(
        candidates,
        people,
        history,
        published.policy,
        published.calendar,
        now,
        found.room,
        rivals,
        found.kept,
        published.config.accounts.important.priority,
    )
    decisions = await lanes.keep_to(connection, found, decisions, people, history, now)
    decisions = await quotas.keep_to(house, connection, decisions, published.policy, now)
    outcomes = await digests.join(house, connection, published, decisions, rivals, people, history, now)
    await _carry_out(house, connection, published, outcomes, now, report)
    await riders.look_again(connection, published, outcomes, people, history, now)
    return more


async def _waiting(connection: AsyncConnection, found: Reservoir) -> tuple[list[Candidate], list[Candidate], bool]:
    """What is open now for the people of up to PASS queued messages; what else of theirs waits; and whether there may be more people."""
    queued: list[int] = []
    most = {channel: min(PASS, 2 * max(room, 0) + 50) for channel, room in found.room.items()}
    for part in parts(found.slots):
        queued += await messages.queued_for(connection, [(*slot, most[slot[1]]) for slot in part])
        if len(queued) >= PASS:
            break
    if not queued:
        return [], [], False
    more = len(queued) >= min(most[channel] for _, channel, _ in found.slots)  # else no slot was cut short
    slots = set(found.slots)
    candidates: list[Candidate] = []
    rivals: list[Candidate] = []
    for row in await messages.of_people(connection, list(set(queued))):
        if (row.run_id, row.channel) in found.lanes:
            opens_now = row.status == "queued" and (row.run_id, row.channel, row.window_key) in slots
            (candidates if opens_now else rivals).append(facts.waiting(row, found.published, found.campaigns, found.not_before))
    return candidates, rivals, more


async def _carry_out(
    house: House,
    connection: AsyncConnection,
    published: Published,
    outcomes: Sequence[Outcome],
    now: datetime,
    report: Report,
) -> None:
    released: dict[str, list[Candidate]] = {}
    deferred: list[tuple[Candidate, Defer]] = []
    suppressed: list[tuple[Candidate, Suppress]] = []
    merged: list[tuple[int, int, str]] = []
    for candidate, verdict in outcomes:
        if isinstance(verdict, Release):
            released.setdefault(verdict.channel, []).append(candidate)
        elif isinstance(verdict, Defer):
            deferred.append((candidate, verdict))
        elif isinstance(verdict, Suppress):
            suppressed.append((candidate, verdict))
        elif isinstance(verdict, Merge):
            merged.append((candidate.id, verdict.carrier_id, verdict.channel))
    await _release(house, connection, published, released, now)
    if deferred:
        reasons = [str(verdict.reason) for _, verdict in deferred]
        await messages.defer(connection, [item.id for item, _ in deferred], reasons, [verdict.until for _, verdict in deferred], now=now)
        report.deferred.update(reasons)
    if suppressed:
        reasons = [str(verdict.reason) for _, verdict in suppressed]
        await messages.suppress(connection, [item.id for item, _ in suppressed], reasons, now=now)
        report.suppressed.update(reasons)
    report.merged += await store_digests.merge(connection, merged, now)
    for channel, items in released.items():
        report.released += len(items)
        report.stock[channel] -= len(items)


async def _release(
    house: House, connection: AsyncConnection, published: Published, released: Mapping[str, list[Candidate]], now: datetime
) -> None:
    cut = [
        (channel, urgent, items[start : start + CHUNK])
        for channel, every in released.items()
        for urgent, items in _parted(published, every)
        for start in range(0, len(items), CHUNK)
    ]
    if not cut:
        return
    numbers = await messages.new_chunks(connection, len(cut))
    ids, channels, chunks = [], [], []
    for number, (channel, _, items) in zip(numbers, cut, strict=True):
        for item in items:
            ids.append(item.id)
            channels.append(channel)
            chunks.append(number)
    await messages.release(connection, ids, channels, chunks, rules_id=published.id, now=now)
    jobs = [
        messages.Chunk(number, channel, max(item.priority for item in items), urgent)
        for number, (channel, urgent, items) in zip(numbers, cut, strict=True)
    ]
    await house.nudge(connection, jobs)


def _parted(published: Published, items: Sequence[Candidate]) -> Iterator[tuple[bool, Sequence[Candidate]]]:
    """What is important in chunks of its own, so that it never waits behind the rest."""
    for urgent in (True, False):
        yield urgent, [item for item in items if published.is_important(item.category) is urgent]
