"""The suppression list written: a word is recorded with its evidence, and what waits against it stopped, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.house import House
from store import changes, moving_on, suppressions, withdrawal
from store.suppressions import Source, Word

log = structlog.get_logger()

People = Sequence[tuple[int, str, str]]


async def opt_out(
    house: House, connection: AsyncConnection, people: People, now: datetime, source: Source = Source.RECEIPT, code: str | None = None
) -> int:
    """(person id, channel, evidence) each: no more offers there. How many had not said so before.

    Raises IntegrityError when a person is gone.
    """
    return await _refuse(house, connection, "opt_out", people, now, source, code)


async def complain(
    house: House, connection: AsyncConnection, people: People, now: datetime, source: Source = Source.REPORT, code: str | None = None
) -> None:
    """(person id, channel, evidence) each: somebody called an offer spam. It stops what an opt-out stops."""
    await _refuse(house, connection, "complaint", people, now, source, code)


async def refuse_address(
    house: House, connection: AsyncConnection, word: Word, said: Sequence[tuple[str, str, str, str]], now: datetime, source: Source
) -> None:
    """(sort of address, address, channel, evidence) each: no offers on the channel for anybody who has, had or gets the address."""
    if said:
        await _stop(house, connection, await suppressions.speak_of(connection, word, said, now, source), now)


async def opt_in(connection: AsyncConnection, people: People, now: datetime) -> int:
    """(person id, channel, evidence) each: the person's own word again. How many opt-outs and complaints it lifted."""
    await changes.tell(connection, {person for person, channel, _ in people if channel == changes.CHANNEL})
    return await suppressions.take_back(connection, people, now)


async def drop_addresses(
    connection: AsyncConnection, dead: Sequence[tuple[str, str, str, str]], now: datetime, source: Source = Source.BOUNCE
) -> int:
    """(sort of address, address, the provider's code, evidence) each: never written to again by anybody. How many were new.

    The address need not be a customer's. Evidence says how it is known, without the address: `bounce of kabar-42`.
    Nothing is stopped: the valve and the claim find no address, and may take another channel.
    """
    return await suppressions.drop(connection, dead, now, source)


async def _refuse(
    house: House, connection: AsyncConnection, word: Word, people: People, now: datetime, source: Source, code: str | None
) -> int:
    """Pop-ups that lie ready are looked at again when the app asks, which it is told to."""
    if not people:
        return 0
    new = await suppressions.speak(connection, word, people, now, source, code)
    await _stop(house, connection, [(person, channel) for person, channel, _ in people], now)
    return new


async def _stop(house: House, connection: AsyncConnection, whose: Sequence[tuple[int, str]], now: datetime) -> None:
    await changes.tell(connection, {person for person, channel in whose if channel == changes.CHANNEL})
    published = await house.catalog.newest(connection)
    offers = published.offers if published else ()
    await moving_on.turn_back(connection, whose, offers, now)
    stopped = await withdrawal.stop_offers(connection, whose, offers, now)
    if stopped:
        log.info("offers.stopped", messages=stopped, people=len(whose))
