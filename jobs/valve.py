"""The valve: the one place that decides. What is queued and open now, the most important first, is judged at the last moment.

Each pass is one transaction under one advisory lock, so any number of valves decide as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs import digests, facts, freshness, lanes, quotas, riders
from jobs.catalog import Published
from jobs.house import House
from jobs.mishaps import is_outage, words
from jobs.reservoir import PASS, Reservoir, look, parts
from jobs.sifting import sift
from rules.arbitration import arbitrate
from rules.digest import Outcome
from rules.facts import Candidate, Defer, Merge, Release, Suppress
from store import digests as store_digests
from store import messages
from store.set_aside import REASON

log = structlog.get_logger()

CHUNK = 250
HOUSEKEEPING = 20_000  # messages woken or expired a tick
PASSES = 50  # a tick ends after so many, work left or not
FEW = 20  # people who cannot be judged, while nobody else can either: then it is not them


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
        if not await _one_pass(house, max(now, house.clock.now()), report) or report.decided == before:
            break
    if report.decided:
        log.info("valve.decided", released=report.released, deferred=report.deferred.total(), suppressed=report.suppressed.total(),
                 merged=report.merged, expired=report.expired)  # fmt: skip
    return report


async def _won(house: House, connection: AsyncConnection) -> bool:
    return house.known is not None or await messages.valve_lock(connection)


async def _one_pass(house: House, now: datetime, report: Report) -> bool:
    """Whether there may be messages left. Somebody who cannot be judged is set aside, and the others are judged without them."""
    before = deepcopy(report)
    try:
        async with house.database.begin() as connection:
            return await _won(house, connection) and await _pass(house, connection, now, report)
    except Exception as error:
        if is_outage(error):
            raise
        vars(report).update(vars(before))
        log.warning("valve.sifting", error=words(error))
    async with house.database.begin() as connection:
        if await _won(house, connection):
            await _sifted_pass(house, connection, now, report)
    return False  # the next tick goes on


async def _sifted_pass(house: House, connection: AsyncConnection, now: datetime, report: Report) -> None:
    async def judge(some: Sequence[int]) -> None:
        before = deepcopy(report)
        try:
            await _pass(house, connection, now, report, some)
        except BaseException:
            vars(report).update(vars(before))
            raise

    found = await look(house, connection, now, report.stock)
    people = sorted({*await _next_people(connection, found)}) if found is not None else []
    refused = await sift(connection, people, judge, few=FEW)
    if refused:
        reasons = [f"{REASON}:{words(error)}" for _, error in refused]
        ids = await messages.set_aside(connection, [person for person, _ in refused], reasons, now=now)
        log.error("message.set_aside_unjudged", message_ids=ids, reasons=sorted(set(reasons)))


async def _pass(house: House, connection: AsyncConnection, now: datetime, report: Report, only: Sequence[int] | None = None) -> bool:
    """Whether there may be messages left that it has not looked at. only: of these people, if anybody's can go."""
    found = await look(house, connection, now, report.stock)
    if found is None:
        return False
    for channel, free in found.room.items():
        report.stock.setdefault(channel, free)
    whose = await _next_people(connection, found) if only is None else only
    candidates, rivals = await _waiting(connection, found, whose)
    if not candidates:
        return False
    more = len(whose) >= min(_most(found)[channel] for _, channel, _ in found.slots)  # else no slot was cut short
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


async def _next_people(connection: AsyncConnection, found: Reservoir) -> list[int]:
    """The person of each of up to PASS queued messages that are open now, the most important first."""
    people: list[int] = []
    most = _most(found)
    for part in parts(found.slots):
        people += await messages.queued_for(connection, [(*slot, most[slot[1]]) for slot in part])
        if len(people) >= PASS:
            break
    return people


def _most(found: Reservoir) -> dict[str, int]:
    """Messages of one slot that are looked at, by channel."""
    return {channel: min(PASS, 2 * max(room, 0) + 50) for channel, room in found.room.items()}


async def _waiting(connection: AsyncConnection, found: Reservoir, people: Sequence[int]) -> tuple[list[Candidate], list[Candidate]]:
    """What these people have that is open now, and what else of theirs waits."""
    slots = set(found.slots)
    candidates: list[Candidate] = []
    rivals: list[Candidate] = []
    for row in await messages.of_people(connection, list(set(people))) if people else ():
        if (row.run_id, row.channel) in found.lanes:
            opens_now = row.status == "queued" and (row.run_id, row.channel, row.window_key) in slots
            (candidates if opens_now else rivals).append(facts.waiting(row, found.published, found.campaigns, found.not_before))
    return candidates, rivals


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
