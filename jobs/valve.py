"""The valve: the one place that decides. What is queued and open now, the most important first, is judged at the last moment.

Each pass is one transaction under one advisory lock, so any number of valves decide as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from config.values import parse_weekly_hours
from jobs.catalog import Published
from jobs.house import House
from rules.arbitration import arbitrate
from rules.facts import Candidate, Consent, Contact, Defer, Person, Release, Suppress, Verdict
from rules.timetable import timetable
from store import facts, limits, messages, runs, versions

log = structlog.get_logger()

Verdicts = Sequence[tuple[Candidate, Verdict | None]]

# The same hours are the same object, which the timetables of the rules find fastest.
_hours = lru_cache(maxsize=1024)(parse_weekly_hours)

HORIZON = 5.0  # seconds of work kept released per channel: decisions stay late, workers stay busy
CHUNK = 250
PASS = 4_000  # candidates judged in one transaction
SLOTS = 64  # (run, channel, window key) ranges asked in one query
HOUSEKEEPING = 20_000  # messages woken or expired a tick
PASSES = 50  # a tick ends after so many, work left or not


@dataclass
class Report:
    """What one tick decided, by verdict and reason. stock: what it may still release, by channel."""

    released: int = 0
    deferred: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    expired: int = 0
    stock: dict[str, int] = field(default_factory=dict)

    def within(self, room: Mapping[str, int]) -> dict[str, int]:
        """No more than there was room for at first: workers that drain the stock would keep one tick, and its `now`, going for minutes."""
        return {name: min(free, self.stock.setdefault(name, free)) for name, free in room.items()}

    @property
    def decided(self) -> int:
        return self.released + self.deferred.total() + self.suppressed.total() + self.expired


@dataclass(frozen=True, slots=True)
class Slot:
    """A range of the reservoir that is open now."""

    run: runs.Run
    channel: str
    key: str


@dataclass(frozen=True, slots=True)
class _State:
    """The house as one pass finds it."""

    published: Published
    slots: tuple[Slot, ...]
    room: dict[str, int]
    priorities: Mapping[int, int]
    campaigns: Mapping[int, str]


async def valve(house: House, now: datetime) -> Report:
    """Decide until the released stock is full or nothing is left that may go now."""
    report = Report()
    async with house.database.begin() as connection:
        if not await messages.valve_lock(connection):
            return report
        report.expired = await messages.expire(connection, now, HOUSEKEEPING)
        await messages.wake(connection, now, HOUSEKEEPING)
    for _ in range(PASSES):
        before = report.decided
        async with house.database.begin() as connection:
            if not await messages.valve_lock(connection):
                break
            await _pass(house, connection, max(now, house.clock.now()), report)
        if report.decided == before:
            break
    if report.decided:
        log.info("valve.decided", released=report.released, deferred=report.deferred.total(), suppressed=report.suppressed.total(),
                 expired=report.expired)  # fmt: skip
    return report


async def _pass(house: House, connection: AsyncConnection, now: datetime, report: Report) -> None:
    state = await _state(house, connection, now, report)
    if state is None or not any(count > 0 for count in state.room.values()):
        return
    rows = await _candidates(connection, state)
    if not rows:
        return
    verdicts = await _judge(connection, state, rows, now)
    await _carry_out(house, connection, state, verdicts, now, report)


async def _state(house: House, connection: AsyncConnection, now: datetime, report: Report) -> _State | None:
    published = await house.catalog.newest(connection)
    if published is None:
        return None
    pauses = await versions.pauses(connection)
    approved = await versions.approvals(connection)
    active = await runs.active(connection)
    room = report.within(dict.fromkeys(house.channels, 0) | await _room(connection, now))
    for pause in pauses:
        if pause.campaign is None:
            room.update({name: 0 for name in room if pause.holds("", name)})
    openings = _open_keys(published, {key for run in active for key in run.window_keys}, now)
    slots = tuple(
        Slot(run, channel, key)
        for run in active
        if run.campaign in published.config.campaigns  # reconcile withdraws the others
        and not held_for_approval(published, run.category, run.campaign, run.content_hash, approved)
        for channel in run.channels
        if room.get(channel, 0) > 0 and not any(pause.holds(run.campaign, channel) for pause in pauses)
        for key in run.window_keys
        if key in openings
    )
    return _State(published, slots, room, {run.id: run.priority for run in active}, {run.id: run.campaign for run in active})


def held_for_approval(published: Published, category: str, campaign: str, content_hash: str, approved: frozenset[tuple[str, str]]) -> bool:
    """A category that no longer exists keeps its content back as an offer would."""
    return published.policy.category(category).needs_approval and (campaign, content_hash) not in approved


async def _room(connection: AsyncConnection, now: datetime) -> dict[str, int]:
    out = await messages.outstanding(connection)
    room: Counter[str] = Counter()
    for limit in await limits.every(connection):
        blocked = limit.open_until is not None and limit.open_until > now + timedelta(seconds=HORIZON)
        room[limit.channel] += 0 if blocked else max(int(limit.rate * HORIZON), 1)
    return {channel: count - out.get(channel, 0) for channel, count in room.items()}


def _open_keys(published: Published, keys: set[str], now: datetime) -> frozenset[str]:
    """Keys whose window is open, and those that have none: their messages are looked at to be suppressed."""
    found = set()
    for key in keys:
        _, hours, zone = published.window(key)
        if hours is None or timetable(published.calendar).openings(zone, (hours,)).is_open(now):
            found.add(key)
    return frozenset(found)


async def _candidates(connection: AsyncConnection, state: _State) -> list[Any]:
    """Up to PASS queued messages of the open slots, with everything else the same people have waiting in open slots."""
    rows: list[Any] = []
    for part in _parts(state.slots):
        rows += await messages.candidates(
            connection, [(slot.run.id, slot.channel, slot.key, min(PASS, 2 * state.room[slot.channel] + 50)) for slot in part]
        )
        if len(rows) >= PASS:
            break
    if rows:
        open_slots = {(slot.run.id, slot.channel, slot.key) for slot in state.slots}
        known = {row.id for row in rows}
        others = await messages.of_people(connection, list({row.person_id for row in rows}))
        rows += [row for row in others if row.id not in known and (row.run_id, row.channel, row.window_key) in open_slots]
    return rows


def _parts(slots: Sequence[Slot]) -> Iterator[Sequence[Slot]]:
    """As many slots as one query is asked for; they come the most important run first."""
    for start in range(0, len(slots), SLOTS):
        yield slots[start : start + SLOTS]


async def _judge(connection: AsyncConnection, state: _State, rows: Sequence[Any], now: datetime) -> Verdicts:
    published = state.published
    ids = list({row.person_id for row in rows})
    people = {row.id: person_facts(row, published) for row in await facts.people(connection, ids)}
    history: dict[int, list[Contact]] = {person: [] for person in ids}
    for row in await messages.history(connection, ids, now - published.policy.lookback):
        history[row.person_id].append(Contact(row.id, row.run_id, row.channel, row.category, row.topic, row.at))
    candidates = [_candidate(row, state) for row in rows]
    return arbitrate(candidates, people, history, published.policy, published.calendar, now, dict(state.room))


def _candidate(row: Any, state: _State) -> Candidate:
    name, hours, _ = state.published.window(row.window_key)
    return Candidate(
        id=row.id,
        person_id=row.person_id,
        run_id=row.run_id,
        campaign=state.campaigns[row.run_id],
        channels=(row.channel, *row.fallback),
        category=row.category,
        topic=row.topic,
        priority=state.priorities[row.run_id],
        window_name=name,
        window=hours,
        expires_at=row.expires_at,
    )


def person_facts(row: Any, published: Published) -> Person:
    """A row of store.facts.people as the rules see the person."""
    sorts = set(row.sorts)
    return Person(
        id=row.id,
        zone=row.timezone or published.config.rules.timezone,
        contact_hours=_hours(row.contact_hours) if row.contact_hours else None,
        consents={
            channel: Consent(bool(given.get("marketing")), _hours(given["hours"]) if given.get("hours") else None)
            for channel, given in row.consents.items()
        },
        opted_out=frozenset(row.opted_out),
        reachable=frozenset(
            name for name, channel in published.channels.items() if channel.addresses is None or channel.addresses in sorts
        ),
    )


async def _carry_out(
    house: House,
    connection: AsyncConnection,
    state: _State,
    verdicts: Sequence[tuple[Candidate, Verdict | None]],
    now: datetime,
    report: Report,
) -> None:
    released: dict[str, list[Candidate]] = {}
    deferred: list[tuple[Candidate, Defer]] = []
    suppressed: list[tuple[Candidate, Suppress]] = []
    for candidate, verdict in verdicts:
        if isinstance(verdict, Release):
            released.setdefault(verdict.channel, []).append(candidate)
        elif isinstance(verdict, Defer):
            deferred.append((candidate, verdict))
        elif isinstance(verdict, Suppress):
            suppressed.append((candidate, verdict))
    await _release(house, connection, state, released, now)
    if deferred:
        reasons = [str(verdict.reason) for _, verdict in deferred]
        await messages.defer(connection, [item.id for item, _ in deferred], reasons, [verdict.until for _, verdict in deferred], now=now)
        report.deferred.update(reasons)
    if suppressed:
        reasons = [str(verdict.reason) for _, verdict in suppressed]
        await messages.suppress(connection, [item.id for item, _ in suppressed], reasons, now=now)
        report.suppressed.update(reasons)
    for channel, items in released.items():
        report.released += len(items)
        report.stock[channel] -= len(items)


async def _release(
    house: House, connection: AsyncConnection, state: _State, released: Mapping[str, list[Candidate]], now: datetime
) -> None:
    cut = [(channel, items[start : start + CHUNK]) for channel, items in released.items() for start in range(0, len(items), CHUNK)]
    if not cut:
        return
    numbers = await messages.new_chunks(connection, len(cut))
    ids, channels, chunks = [], [], []
    for number, (channel, items) in zip(numbers, cut, strict=True):
        for item in items:
            ids.append(item.id)
            channels.append(channel)
            chunks.append(number)
    await messages.release(connection, ids, channels, chunks, rules_id=state.published.id, now=now)
    jobs = [
        messages.Chunk(number, channel, max(item.priority for item in items)) for number, (channel, items) in zip(numbers, cut, strict=True)
    ]
    await house.nudge(connection, jobs)
