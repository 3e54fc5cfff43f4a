"""Is this the database we last worked on, and lately? Asked when a process starts, and before each decision of the valve."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from jobs.house import House
from jobs.valve import valve
from store import identity

log = structlog.get_logger()


async def recognise(house: House, now: datetime) -> bool:
    """False when everything had to be stopped just now: somebody must look, and `kabar resume --all`."""
    patience = timedelta(hours=house.settings.stale_hours)
    async with house.database.begin() as connection:
        halt = await identity.recognise(connection, now, patience)
    if halt is not None:
        log.error("instance.paused", why=halt.words)
    return halt is None


async def start(house: House) -> None:
    """As recognise; a stop that is there already is told again."""
    if await recognise(house, house.clock.now()):
        async with house.database.begin() as connection:
            halt = await identity.halted(connection)
        if halt is not None:
            log.warning("instance.still_paused", why=halt.words)


async def recognising_valve(house: House, now: datetime) -> None:
    """The valve, of the database it was at work on before: an older one is stopped before anything of it is released."""
    await recognise(house, now)
    await valve(house, now)
