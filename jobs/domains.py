"""The receiving domain that asks for less is given less; everybody else's mail goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Channel, Envelope, Outcome, Sent, domain_of
from channels.signals import SlowDown
from jobs.house import House
from jobs.settlement import outcome_row
from store import domains, outbox

log = structlog.get_logger()

# A pause that ends ends for thousands of messages at once. So few of a block go first, twice as many every ten seconds.
FIRST = 5
STEP = timedelta(seconds=10)
STEPS = 6  # by then 320 of a block, which is all of it


async def let_through(house: House, connection: AsyncConnection, channel: Channel, rows: Sequence[Any], now: datetime) -> list[Any]:
    """Of claimed rows, those that may go now; the others are deferred, with no attempt counted."""
    told = {row.id: domain_of(row.addresses[0][2]) for row in rows if row.addresses} if channel.addresses is not None else {}
    slow = await domains.slow(connection, channel.name, now - STEPS * STEP) if any(told.values()) else {}
    if not slow:
        return list(rows)
    gone: Counter[str] = Counter()
    through, held = [], []
    for row in rows:
        found = slow.get(told.get(row.id) or "")
        until = None if found is None else _until(house, found, gone, now)
        if found is None or until is None:
            through.append(row)
        else:
            why = f"slow_domain:{found.domain}"
            held.append(outbox.Settlement(row.id, row.fence, "deferred", now, why, next_attempt_at=until, uncounted=1))
    await outbox.settle(connection, held)
    return through


def _until(house: House, found: domains.SlowDomain, gone: Counter[str], now: datetime) -> datetime | None:
    """When to ask again, None = go. `gone`: how many of this block go to each domain."""
    if found.until > now:
        return found.until
    if gone[found.domain] < FIRST * 2 ** ((now - found.until) // STEP):
        gone[found.domain] += 1
        return None
    return now + STEP * house.chance.uniform(1, 2)


def about_a_domain(outcome: Outcome) -> bool:
    """Does it slow down one receiving domain only?"""
    return isinstance(outcome.signal, SlowDown) and outcome.signal.domain is not None


@dataclass(frozen=True, slots=True)
class Words:
    """What a block's answers say of receiving domains. asked: which asked for less; took: which accepted a mail."""

    asked: Mapping[str, domains.Strike]
    took: frozenset[str]

    def free(self, outcome: Outcome) -> bool:
        """Does the try not count? When a domain takes nothing, it is not the message that was refused; when it takes others, it may be."""
        return isinstance(outcome.signal, SlowDown) and outcome.signal.domain in self.asked.keys() - self.took


def words(answers: Iterable[tuple[Sequence[Envelope], Outcome]]) -> Words:
    """Of a block, each message's envelopes and what came of it. The longest pause counts that a domain asked for."""
    asked: dict[str, domains.Strike] = {}
    took: set[str] = set()
    for envelopes, outcome in answers:
        if isinstance(outcome, Sent):
            took.update(domain for each in envelopes if each.address and (domain := domain_of(each.address.value)))
        elif isinstance(outcome.signal, SlowDown) and outcome.signal.domain is not None:
            strike = domains.Strike(outcome.signal.domain, outcome.signal.after.total_seconds(), outcome_row(outcome)[1] or "")
            asked[strike.domain] = max(strike, asked.get(strike.domain, strike), key=attrgetter("seconds"))
    return Words({name: replace(strike, another=name not in took) for name, strike in asked.items()}, frozenset(took))


async def heed(connection: AsyncConnection, channel: Channel, heard: Words, now: datetime) -> None:
    """Write down which domains asked for less, and which took mail again."""
    for found in await domains.strike(connection, channel.name, list(heard.asked.values()), now):
        seconds = (found.until - now).total_seconds()
        log.warning(
            "domain.slow_down", channel=channel.name, domain=found.domain, seconds=seconds, strikes=found.strikes, code=found.reason
        )
    await domains.forgive(connection, channel.name, list(heard.took - heard.asked.keys()), now)
