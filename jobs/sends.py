"""The sends of one turn: each message at its own moment, and none after the moment has passed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

import structlog
from sqlalchemy.exc import SQLAlchemyError

from channels.base import Envelope, Outcome, Sent, Unknown
from channels.signals import SlowDown
from jobs.blocks import Item
from jobs.house import Account, House
from jobs.settlement import outcome_row
from jobs.turns import Turn
from store import limits
from store.turns import Lease

log = structlog.get_logger()

# A worker that was kept from its work does not catch up in a burst: what is later than this takes a new turn. With it, a second
# holds at most 1.025 seconds' worth.
LATE = timedelta(seconds=0.025)


@dataclass(frozen=True, slots=True)
class Answer:
    """took: how long the provider kept us waiting."""

    address_id: int | None
    at: datetime
    outcome: Outcome
    took: timedelta


async def send(house: House, turn: Turn, items: Sequence[Item]) -> list[list[Answer]]:
    """Every envelope at its own moment, 1/rate apart. Answers of those that went, which are the first of the items.

    For the others there was no moment left, or the account was held meanwhile; they need another turn.
    """
    tasks: list[list[asyncio.Task[Answer]]] = []
    slots = _Slots(house, turn.lease)
    for item in items:
        if item.envelopes:
            if not await slots.comes(len(item.envelopes)):
                break
            if await _held(house, turn.account.name):
                break
        sends = []
        for envelope in item.envelopes:
            await slots.next()
            sends.append(asyncio.create_task(_one(house, turn.account, envelope)))
        tasks.append(sends)
    return [[await task for task in sends] for sends in tasks]


async def _held(house: House, account: str) -> bool:
    """Also when the database does not say: what is on its way is settled first."""
    try:
        await house.gate.look(house.database, house.clock.now())
    except (SQLAlchemyError, OSError):
        return True
    return house.gate.holds(account, house.clock.now())


class _Slots:
    """The moments of one lease. Those that passed unused are lost, but for the first: a turn is never for nothing."""

    def __init__(self, house: House, lease: Lease) -> None:
        self._clock, self._lease, self._slot = house.clock, lease, 0

    async def comes(self, n: int) -> bool:
        """Wait for the next moment. False when there are not n left from it on."""
        await self.next(0)
        if self._slot:
            late = (self._clock.now() - self._lease.start - LATE).total_seconds() * self._lease.rate
            self._slot = max(self._slot, ceil(late))
        return self._slot + n <= self._lease.n

    async def next(self, step: int = 1) -> None:
        """Wait for the next moment and use it up."""
        at = self._lease.start + timedelta(seconds=self._slot / self._lease.rate)
        self._slot += step
        wait = (at - self._clock.now()).total_seconds()
        if wait > 0.002:  # finer than a loop can sleep
            await self._clock.sleep(wait)


async def _one(house: House, account: Account, envelope: Envelope) -> Answer:
    address_id = envelope.address.id if envelope.address else None
    since = house.clock.now()
    try:
        outcome = await account.adapter.send(envelope)
    except Exception as error:
        # An adapter must not raise; if it does, nothing is known of this message, and the others go on.
        log.exception("message.adapter_raised", message_id=envelope.message_id, channel=account.channel.name)
        outcome = Unknown("adapter_error", detail=type(error).__name__)
    outcome = _storable(outcome)
    now = house.clock.now()
    if isinstance(outcome.signal, SlowDown) and outcome.signal.domain is None:
        await slow_down(house, account, outcome.signal.after, outcome_row(outcome)[1] or "", now)
    return Answer(address_id, now, outcome, now - since)


def _storable(outcome: Outcome) -> Outcome:
    """A provider's words as PostgreSQL takes them: one odd character must not cost a whole block its answers."""
    if isinstance(outcome, Sent):
        return outcome if outcome.provider_id is None else replace(outcome, provider_id=_plain(outcome.provider_id))
    return replace(outcome, code=_plain(outcome.code), detail=_plain(outcome.detail))


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "")


async def slow_down(house: House, account: Account, after: timedelta, code: str, now: datetime) -> None:
    """Told at once, not when the block is settled: the rest of it, and every other worker, holds back within a second."""
    if not house.gate.hear(account.name, now + after):
        return
    try:
        async with house.database.begin() as connection:
            news = await limits.slow_down(connection, account.name, after, code, now)
    except (SQLAlchemyError, OSError):
        return  # this process holds back all the same; the block's own settling meets the same fault
    if news:
        log.warning("account.slow_down", account=account.name, seconds=after.total_seconds())
