"""Freshness: what waits follows the newest rules, and what is known of its people today. One question a tick when nothing changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.catalog import Published
from jobs.house import House
from jobs.plan import key_rules
from rules.facts import Code
from store import keys, messages, rekey

log = structlog.get_logger()

PAGE = 20_000  # waiting messages looked at in one transaction
PAGES = 4  # a tick goes on to its decisions after so many, about a second's work
# What was out of reach while it was sent or sent again comes back with an old key.
STRAGGLERS = timedelta(minutes=5)
_CODES = tuple(map(str, Code))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far what waits has been looked at, and by what; kept in the database, so that any scheduler goes on with it.

    rules, day, asked: what it is looked at for: the hash of the rules, the company's day where keys follow it, the last word of an import
    after:             people up to this id are done with; None = all of them
    wake:              the rules changed, so whatever waits for one of them is judged anew
    again:             when to look a second time, for those that came back meanwhile
    """

    rules: str
    day: str
    asked: str | None
    after: int | None = 0
    wake: bool = True
    second: bool = False
    again: str | None = None


async def stale(house: House, connection: AsyncConnection, now: datetime) -> bool:
    """Whether there is anything to be looked at again."""
    return await _due(house, connection, now) is not None


async def freshen(house: House, now: datetime, *, size: int = PAGE) -> None:
    """Look again at what waits, page by page; what is left after PAGES of them is for the next tick."""
    rekeyed = woken = 0
    for _ in range(PAGES):
        async with house.database.begin() as connection:
            # Under the valve's lock nobody else decides on these rows; under that of the keys nobody adds to them by older rules.
            if not (await messages.valve_lock(connection) and await keys.lock_alone(connection)):
                break
            found = await _due(house, connection, now)
            if found is None:
                break
            counts = await _page(connection, *found, now, size)
        rekeyed, woken = rekeyed + counts[0], woken + counts[1]
    if rekeyed or woken:
        log.info("valve.freshened", rekeyed=rekeyed, woken=woken)


async def _due(house: House, connection: AsyncConnection, now: datetime) -> tuple[Published, Progress] | None:
    seen = await rekey.look(connection)
    if seen.version is None:
        return None
    published = await house.catalog.version(connection, seen.version)
    day = now.astimezone(published.config.rules.zone).date().isoformat() if published.keys_follow_the_day else ""
    goal = Progress(published.rules_hash, day, seen.asked)
    before = _read(seen.progress)
    if before is None:
        return published, goal
    if (before.rules, before.day, before.asked) != (goal.rules, goal.day, goal.asked):
        unfinished = before.wake and before.after is not None
        return published, replace(goal, wake=unfinished or before.rules != goal.rules)
    if before.after is not None:
        return published, before
    if before.again is not None and now >= datetime.fromisoformat(before.again):
        return published, replace(goal, wake=False, second=True)
    return None


def _read(progress: Any) -> Progress | None:
    """None of what another edition of Kabar left: then everything is looked at."""
    try:
        return Progress(**progress)
    except TypeError:
        return None


async def _page(connection: AsyncConnection, published: Published, progress: Progress, now: datetime, size: int) -> tuple[int, int]:
    """How many got another key, and how many were woken otherwise."""
    after = progress.after or 0
    last = await rekey.page(connection, after, size)
    rekeyed = woken = 0
    if last is not None:
        woken = await rekey.wake(connection, after, last, _CODES) if progress.wake else 0
        rekeyed = await rekey.rekey(connection, key_rules(published, now), after, last, _CODES)
    again = (now + STRAGGLERS).isoformat() if last is None and not progress.second else None
    await rekey.remember(connection, asdict(replace(progress, after=last, again=again)), now)
    return rekeyed, woken
