"""A block's turn: it waits until an account of its channel has room, and leases it. What is important goes before all else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from jobs.blocks import Item
from jobs.house import Account, House
from store import turns
from store.turns import Lease

log = structlog.get_logger()

# A lease of bulk begins at most this far ahead: long enough that workers do not miss slots, short enough that what is
# important, which goes at once or gets the next free one, waits for no more than this and one lease.
AHEAD = timedelta(seconds=0.5)
LONGEST_WAIT = timedelta(seconds=20)  # a block that would wait longer for its turn goes back instead


@dataclass(frozen=True, slots=True)
class Turn:
    """Leave to send by an account, as its lease says."""

    account: Account
    lease: Lease


async def turn(house: House, channel: str, items: Sequence[Item], *, urgent: bool, until: datetime) -> Turn | datetime:
    """Waits as long as it takes, but not past `until`: then the moment from which on it is worth asking again.

    A process that stops waits for no turn.
    """
    waiting = asyncio.create_task(_in_line(house, channel, items, urgent, until))
    stopping = asyncio.create_task(house.gate.closing.wait())
    try:
        await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return house.clock.now() if stopping.done() and not waiting.done() else await waiting
    finally:
        waiting.cancel()
        stopping.cancel()


async def _in_line(house: House, channel: str, items: Sequence[Item], urgent: bool, until: datetime) -> Turn | datetime:
    if urgent:
        return await _turn(house, channel, items, urgent, until)
    async with house.gate.queue(channel):
        return await _turn(house, channel, items, urgent, until)


async def _turn(house: House, channel: str, items: Sequence[Item], urgent: bool, until: datetime) -> Turn | datetime:
    accounts = {account.name: account for account in house.of(channel)}
    sizes = [len(item.envelopes) for item in items]
    ahead = LONGEST_WAIT if urgent else AHEAD
    # One that was tried before must not use up its tries as the trial of an account that fails, while another one works.
    shy = urgent or items[0].row.attempts > 1
    while True:
        if (now := house.clock.now()) > until:
            return now
        async with house.database.alone() as connection:
            found = await turns.take(connection, list(accounts), least=sizes[0], n=sum(sizes), ahead=ahead, urgent=urgent, shy=shy, now=now)
        if isinstance(found, Lease):
            house.gate.leased(found.account)
            if found.turned:
                log.info("account.breaker_half_open", account=found.account)
            return Turn(accounts[found.account], found)
        again = found or now + 2 * LONGEST_WAIT  # all are stopped, until somebody resumes one
        if again > min(until, now + LONGEST_WAIT):
            return again
        await house.clock.sleep((again - now).total_seconds())
